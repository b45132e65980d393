//! A scene on paper: an SVG that reads well on light and dark grounds.
//!
//! Every tile has its stream switch on the left, with six lanes up and four down, and its memory and
//! DMA channels on the right; lanes to the east and west run below these.

use std::fmt::Write;

use arch::array::shim::port_dma;
use arch::array::{Direction, Port, wire};
use arch::limits::PROGRAM_BYTES;
use arch::{Tile, TileKind, geometry};

use super::scene::{ChannelView, Region, Scene, TileView};

/// Widths and heights, in pixels.
const WIDTH: f64 = 310.0;
const GAP: f64 = 34.0;
const MARGIN: f64 = 26.0;
const TITLE: f64 = 54.0;
const SWITCH: f64 = 92.0;
/// From the top of a tile to its first channel.
const HEAD: f64 = 56.0;
/// The same in a shim, which has no memory.
const SHIM_HEAD: f64 = 28.0;
const ROW: f64 = 17.0;
/// Lanes to the east and west, below the channels.
const LANES: f64 = 46.0;
const HOST: f64 = 30.0;

/// Colours of routes: readable on white and on near-black.
const PALETTE: [&str; 12] = [
    "#3b82d6", "#e0662f", "#2f9e62", "#b65fd0", "#c9960c", "#d64570", "#159aa8", "#7a70e0",
    "#7f8f1f", "#b3683f", "#d05fa8", "#4f8f7a",
];

const STYLE: &str = "\
text{font-family:'DejaVu Sans',Verdana,sans-serif;font-size:11px;fill:#1f2328}\
.title{font-size:19px;font-weight:bold}.name{font-size:12px;font-weight:bold}\
.soft{fill:#59636e}.chip{font-size:9px}.ground{fill:#ffffff}\
.tile{fill:#f6f8fa;stroke:#9aa4af}.switch{fill:#e7ebf0;stroke:#9aa4af}.idle{fill:none;stroke:#d5dae0}\
.bar{fill:#dde2e8}.host{fill:#e7ebf0;stroke:#9aa4af}.program{fill:#7a8594}\
.route{fill:none;stroke-width:2.2;stroke-linejoin:round}.packet{stroke-dasharray:6 3}.wide{stroke:#c3cad2;stroke-width:14}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9aa7b4}.ground{fill:#0d1117}\
.tile{fill:#161b22;stroke:#4b5563}.switch{fill:#21262d;stroke:#4b5563}.idle{stroke:#2a3037}\
.bar{fill:#2d343d}.host{fill:#21262d;stroke:#4b5563}.program{fill:#8b97a6}.wide{stroke:#3a424c}}";

type Point = (f64, f64);

struct Sheet<'a> {
    scene: &'a Scene,
    /// Height of the tiles of a row; nothing above the highest in use.
    heights: Vec<f64>,
    /// Columns up to the last in use.
    columns: u8,
    out: String,
}

/// The picture of a scene with this title.
pub fn to_svg(scene: &Scene, title: &str) -> String {
    let used = |f: fn(Tile) -> u8| scene.tiles.iter().map(|t| f(t.tile) + 1).max();
    let rows = used(|t| t.row).unwrap_or(geometry::ROWS);
    let columns = used(|t| t.col).unwrap_or(geometry::COLUMNS);
    let height = |row: u8| {
        let tiles = scene.tiles.iter().filter(|t| t.tile.row == row);
        let channels = tiles.map(|t| t.channels.len()).max().unwrap_or(0);
        let lanes = match row {
            geometry::MEM_ROW => 10.0,
            _ => LANES,
        };
        head(Tile::new(0, row)) + ROW * channels.max(2) as f64 + lanes
    };
    let mut sheet = Sheet {
        scene,
        heights: (0..rows).map(height).collect(),
        columns,
        out: String::new(),
    };
    sheet.draw(title);
    sheet.out
}

/// From the top of a tile to its first channel.
fn head(tile: Tile) -> f64 {
    match tile.kind() {
        TileKind::Shim => SHIM_HEAD,
        TileKind::Core | TileKind::Mem => HEAD,
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn color(route: Option<usize>) -> &'static str {
    route.map_or("#8a94a0", |r| PALETTE[r % PALETTE.len()])
}

/// Bytes in the unit that fits.
fn size(bytes: u32) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        _ if bytes.is_multiple_of(1024) => format!("{} KiB", bytes / 1024),
        _ => format!("{:.1} KiB", f64::from(bytes) / 1024.0),
    }
}

impl Sheet<'_> {
    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{element}");
    }

    fn corner(&self, tile: Tile) -> Point {
        let above = self.heights.iter().skip(usize::from(tile.row) + 1);
        let y: f64 = above.map(|height| height + GAP).sum();
        (MARGIN + f64::from(tile.col) * (WIDTH + GAP), TITLE + y)
    }

    fn height(&self, tile: Tile) -> f64 {
        self.heights[usize::from(tile.row)]
    }

    /// Where a port lies on the edge of its switch; `incoming` tells a slave from a master.
    fn port(&self, tile: Tile, port: Port, incoming: bool) -> Point {
        let ((x, y), height) = (self.corner(tile), self.height(tile));
        let up = |n: u8| x + 9.0 + 7.5 * f64::from(n);
        let down = |n: u8| x + 60.0 + 7.5 * f64::from(n);
        let lane = |n: u8, west: bool| {
            y + height - LANES + 6.0 + 5.0 * f64::from(n) + if west { 20.0 } else { 0.0 }
        };
        match seat(tile, port, incoming) {
            Port::North(n) if incoming => (down(n), y),
            Port::North(n) => (up(n), y),
            Port::South(n) if incoming => (up(n), y + height),
            Port::South(n) => (down(n), y + height),
            Port::East(n) => (x + SWITCH, lane(n, incoming)),
            Port::West(n) => (x, lane(n, !incoming)),
            Port::Dma(number) => self.chip(tile, direction(incoming), number),
            Port::Core => (x + SWITCH + 8.0, y + 16.0),
            Port::TileCtrl | Port::Fifo | Port::Trace(_) => (x + SWITCH / 2.0, y + height / 2.0),
        }
    }

    /// The left edge of a channel's chip.
    fn chip(&self, tile: Tile, dir: Direction, number: u8) -> Point {
        let (x, y) = self.corner(tile);
        let view = self.scene.tiles.iter().find(|t| t.tile == tile);
        let row = view.and_then(|v| {
            let at = |c: &ChannelView| c.dir == dir && c.number == number;
            v.channels.iter().position(at)
        });
        (
            x + SWITCH + 8.0,
            y + head(tile) + ROW * row.unwrap_or(0) as f64 + 5.0,
        )
    }

    fn draw(&mut self, title: &str) {
        let columns = f64::from(self.columns);
        let width = 2.0 * MARGIN + columns * WIDTH + (columns - 1.0) * GAP;
        let tiles: f64 = self.heights.iter().map(|h| h + GAP).sum();
        let height = TITLE + tiles + HOST + MARGIN;
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\">\n<style>{STYLE}</style>\n\
             <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n\
             <text class=\"title\" x=\"{MARGIN}\" y=\"34\">{}</text>",
            escape(title)
        ));
        let host = TITLE + tiles;
        self.put(format_args!(
            "<rect class=\"host\" x=\"{MARGIN}\" y=\"{host}\" width=\"{}\" height=\"{HOST}\" rx=\"6\"/>\n\
             <text class=\"name\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">host memory (DDR)</text>",
            width - 2.0 * MARGIN,
            width / 2.0,
            host + 20.0
        ));
        let shown = |t: &Tile| t.col < self.columns && usize::from(t.row) < self.heights.len();
        let tiles: Vec<Tile> = Tile::all().filter(shown).collect();
        for tile in tiles {
            self.ground(tile);
        }
        for route in 0..self.scene.routes.len() {
            self.route(route);
        }
        let scene = self.scene;
        for view in &scene.tiles {
            self.tile(view);
        }
        self.out.push_str("</svg>\n");
    }

    /// The boxes of a tile; only an outline where nothing is used.
    fn ground(&mut self, tile: Tile) {
        let ((x, y), height) = (self.corner(tile), self.height(tile));
        if self.scene.tiles.iter().all(|t| t.tile != tile) {
            self.put(format_args!(
                "<rect class=\"idle\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>"
            ));
            return;
        }
        let body = match tile.kind() {
            TileKind::Mem => height,
            TileKind::Core | TileKind::Shim => height - LANES,
        };
        let left = x + SWITCH + 8.0;
        self.put(format_args!(
            "<rect class=\"switch\" x=\"{x}\" y=\"{y}\" width=\"{SWITCH}\" height=\"{height}\" rx=\"6\"/>\n\
             <rect class=\"tile\" x=\"{left}\" y=\"{y}\" width=\"{}\" height=\"{body}\" rx=\"6\"/>",
            WIDTH - SWITCH - 8.0
        ));
        if tile.kind() == TileKind::Shim {
            let (middle, bottom) = (left + (WIDTH - SWITCH) / 2.0, y + height + GAP);
            self.put(format_args!(
                "<path class=\"wide\" d=\"M{middle} {}V{bottom}\"/>",
                y + body
            ));
        }
    }

    /// A route: a curve through each switch, a straight wire to the next.
    fn route(&mut self, at: usize) {
        let scene = self.scene;
        let route = &scene.routes[at];
        let mut path = String::new();
        let mut heads = String::new();
        for hop in &route.hops {
            let (from, to) = (
                self.port(hop.tile, hop.from, true),
                self.port(hop.tile, hop.to, false),
            );
            let (a, b) = (
                inward(from, seat(hop.tile, hop.from, true)),
                inward(to, seat(hop.tile, hop.to, false)),
            );
            let _ = write!(
                path,
                "M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
                from.0, from.1, a.0, a.1, b.0, b.1, to.0, to.1
            );
            match wire(hop.tile, hop.to) {
                Some((next, port)) => {
                    let end = self.port(next, port, true);
                    let _ = write!(path, "L{:.1} {:.1}", end.0, end.1);
                }
                None => {
                    let (x, y) = to;
                    let _ = write!(heads, "M{x:.1} {y:.1}l-7 -4v8z");
                }
            }
        }
        let (color, class) = (color(Some(at)), if route.packet { " packet" } else { "" });
        self.put(format_args!(
            "<g><title>{}</title><path class=\"route{class}\" stroke=\"{color}\" d=\"{path}\"/>\
             <path fill=\"{color}\" d=\"{heads}\"/></g>",
            escape(&route.name)
        ));
    }

    fn tile(&mut self, view: &TileView) {
        let (tile, kind) = (view.tile, view.tile.kind());
        let (x, y) = self.corner(tile);
        let left = x + SWITCH + 16.0;
        let width = WIDTH - SWITCH - 24.0;
        self.put(format_args!(
            "<text class=\"name\" x=\"{left}\" y=\"{}\">{kind} {tile}</text>",
            y + 17.0
        ));
        let used: u32 = view.regions.iter().map(|r| r.bytes).sum();
        if kind != TileKind::Shim {
            let mut load = format!("data {} of {}", size(used), size(kind.data_bytes()));
            if kind == TileKind::Core {
                load = format!("program {} · {load}", size(view.program));
            }
            self.put(format_args!(
                "<text class=\"soft chip\" x=\"{left}\" y=\"{}\">{load}</text>",
                y + 31.0
            ));
            self.bars(view, left, y + 37.0, width);
        }
        for (row, channel) in view.channels.iter().enumerate() {
            let top = y + head(tile) + ROW * row as f64 - 2.0;
            let color = color(channel.route);
            let what = match channel.buffers.as_slice() {
                [] => String::new(),
                [(_, bytes)] => size(*bytes),
                [(_, bytes), ..] => format!("{} × {}", channel.buffers.len(), size(*bytes)),
            };
            self.put(format_args!(
                "<rect x=\"{}\" y=\"{top}\" width=\"42\" height=\"14\" rx=\"3\" fill=\"{color}\"/>\
                 <text class=\"chip\" x=\"{}\" y=\"{}\" text-anchor=\"middle\" style=\"fill:#fff\">{}{}</text>\
                 <text x=\"{}\" y=\"{}\">{}</text>\
                 <text class=\"soft chip\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{what}</text>",
                left - 8.0,
                left + 13.0,
                top + 10.5,
                channel.dir,
                channel.number,
                left + 40.0,
                top + 11.0,
                escape(channel.name.as_deref().unwrap_or("")),
                left + width,
                top + 11.0,
            ));
        }
    }

    /// The load of the memories: program above data, each buffer where it lies.
    fn bars(&mut self, view: &TileView, x: f64, y: f64, width: f64) {
        let of = |part: u32, whole: u32| width * f64::from(part) / f64::from(whole);
        if view.tile.kind() == TileKind::Core {
            let used = of(view.program, PROGRAM_BYTES);
            self.put(format_args!(
                "<rect class=\"bar\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"3\"/>\
                 <rect class=\"program\" x=\"{x}\" y=\"{y}\" width=\"{used:.1}\" height=\"3\"/>"
            ));
        }
        let top = y + 5.0;
        self.put(format_args!(
            "<rect class=\"bar\" x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"7\"/>"
        ));
        let whole = view.tile.kind().data_bytes();
        for Region {
            start,
            bytes,
            name,
            route,
        } in &view.regions
        {
            let (left, wide) = (x + of(*start, whole), of(*bytes, whole).max(1.5));
            let name = name
                .clone()
                .unwrap_or_else(|| format!("buffer at {start:#x}"));
            self.put(format_args!(
                "<rect x=\"{left:.1}\" y=\"{top}\" width=\"{wide:.1}\" height=\"7\" fill=\"{}\">\
                 <title>{}, {}</title></rect>",
                color(*route),
                escape(&name),
                size(*bytes)
            ));
        }
    }
}

/// The DMA channels behind a switch's slave and master ports.
fn direction(incoming: bool) -> Direction {
    if incoming {
        Direction::Mm2s
    } else {
        Direction::S2mm
    }
}

/// A port where it is drawn: those of a shim that its multiplexers lead to the DMA as its channels.
fn seat(tile: Tile, port: Port, incoming: bool) -> Port {
    match port_dma(direction(incoming), port) {
        Some(number) if tile.kind() == TileKind::Shim => Port::Dma(number),
        _ => port,
    }
}

/// The control point of a curve that leaves a port towards the middle of its switch.
fn inward((x, y): Point, port: Port) -> Point {
    const REACH: f64 = 34.0;
    match port {
        Port::North(_) => (x, y + REACH),
        Port::South(_) => (x, y - REACH),
        Port::West(_) => (x + REACH, y),
        Port::East(_) | Port::Dma(_) | Port::Core => (x - REACH, y),
        Port::TileCtrl | Port::Fifo | Port::Trace(_) => (x, y),
    }
}
