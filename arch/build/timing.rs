//! Itineraries and their variants: `aie2.timing`.

use super::model::{Named, of_kind, unique};
use super::regs::Class;
use super::rows::{Result, Row};

pub(crate) struct Itinerary {
    pub(crate) name: String,
    /// Stage and bypass of each operand.
    pub(crate) operands: Vec<(u8, Option<usize>)>,
    /// Stages of the access to data memory.
    pub(crate) memory: Vec<u8>,
    pub(crate) uses: Vec<Use>,
    pub(crate) variants: Vec<Variant>,
}

pub(crate) struct Use {
    pub(crate) resource: usize,
    pub(crate) first: u8,
    pub(crate) cycles: u8,
    pub(crate) reserved: bool,
}

pub(crate) struct Variant {
    /// Operand and class, all of which must hold.
    pub(crate) when: Vec<(u8, usize)>,
    pub(crate) itinerary: usize,
}

pub(crate) fn read_itineraries(
    rows: &[Row],
    bypasses: &[Named],
    resources: &[Named],
    classes: &[Class],
) -> Result<Vec<Itinerary>> {
    let mut list: Vec<Itinerary> = Vec::new();
    for row in of_kind(rows, "itin") {
        let [name, operands, memory, uses] = row.columns()?;
        unique(row, "itinerary", name, list.iter().map(|i| i.name.as_str()))?;
        let operand = |text: &str| -> Result<(u8, Option<usize>)> {
            let (stage, bypass) = match text.split_once('/') {
                Some((stage, bypass)) => {
                    let names = bypasses.iter().map(|b| b.name.as_str());
                    (stage, Some(row.find("bypass", bypass, names)?))
                }
                None => (text, None),
            };
            Ok((row.number(stage)?, bypass))
        };
        list.push(Itinerary {
            name: name.to_string(),
            operands: operands
                .split_whitespace()
                .map(operand)
                .collect::<Result<_>>()?,
            memory: memory
                .split_whitespace()
                .map(|stage| row.number(stage))
                .collect::<Result<_>>()?,
            uses: uses
                .split_whitespace()
                .map(|text| read_use(row, text, resources))
                .collect::<Result<_>>()?,
            variants: Vec::new(),
        });
    }
    for row in of_kind(rows, "variant") {
        let [base, condition, instead] = row.columns()?;
        let find = |name| row.find("itinerary", name, list.iter().map(|i| i.name.as_str()));
        let (base, itinerary) = (find(base)?, find(instead)?);
        let mut when = Vec::new();
        for term in condition.split_whitespace() {
            let (operand, class) = term
                .split_once(':')
                .ok_or_else(|| row.error(format!("`{term}` is not operand:class")))?;
            let class = row.find("class", class, classes.iter().map(|c| c.name.as_str()))?;
            when.push((row.number(operand)?, class));
        }
        list[base].variants.push(Variant { when, itinerary });
    }
    Ok(list)
}

fn read_use(row: &Row, text: &str, resources: &[Named]) -> Result<Use> {
    let (reserved, text) = match text.strip_prefix('~') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (resource, when) = text
        .split_once('@')
        .ok_or_else(|| row.error(format!("`{text}` is not RESOURCE@stage")))?;
    let (first, cycles) = when.split_once('+').unwrap_or((when, "1"));
    Ok(Use {
        resource: row.find(
            "resource",
            resource,
            resources.iter().map(|r| r.name.as_str()),
        )?,
        first: row.number(first)?,
        cycles: row.number(cycles)?,
        reserved,
    })
}
