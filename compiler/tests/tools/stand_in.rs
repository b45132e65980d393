//! Stand-ins: shell scripts with the name of a tool, which check every argument and input, and fail
//! with code 90 where one is not as it should be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::Bench;

/// How a stand-in answers once its arguments and inputs are right.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// As the real tool does.
    Works,
    /// With these words on standard error, and code 1, half of its output written.
    Fails(&'static str),
    /// With an output that is not what it should be.
    Garbage,
    /// Not at all; the process is named in the file `TOOL.pid`.
    Hangs,
    /// With code 0 and no output.
    Nothing,
    /// By a crash.
    Crashes,
}

/// One way in which a stand-in may be called.
#[derive(Clone, Debug)]
pub(super) struct Expect {
    /// All arguments, one space between each.
    pub(super) args: String,
    /// Files that must be there with these contents.
    pub(super) inputs: Vec<(String, Vec<u8>)>,
    /// Files that it writes, with these contents.
    pub(super) outputs: Vec<(String, Vec<u8>)>,
}

impl Bench {
    /// Writes the stand-in `tool` into `suite/bin`; it says `version` when it is asked, and takes the
    /// calls that are expected. Returns the folder `suite`.
    pub(super) fn stand_in(
        &self,
        suite: &str,
        tool: &str,
        version: &str,
        expects: &[Expect],
        answer: Answer,
    ) -> PathBuf {
        let mut script = format!(
            "#!/bin/sh\n\
             if [ $# = 0 ] || [ \"$*\" = --version ]; then cat <<'VERSION'\n{version}\nVERSION\nexit 0; fi\n\
             wrong() {{ echo \"stand-in {tool}: $1\" >&2; exit 90; }}\n\
             case \"$*\" in\n"
        );
        for (number, expect) in expects.iter().enumerate() {
            script += &format!("'{}')\n", expect.args);
            for (index, (name, content)) in expect.inputs.iter().enumerate() {
                let kept = self.write(&format!("kept/{tool}-{number}-in{index}"), content);
                script += &format!(
                    "cmp -s '{name}' '{}' || wrong \"{name} is not as expected: $(diff '{name}' '{}' 2>&1 | head -5)\"\n",
                    kept.display(),
                    kept.display()
                );
            }
            let last = |text: &str| format!("{text}\n;;\n");
            let outputs = expect
                .outputs
                .iter()
                .enumerate()
                .map(|(index, (name, content))| {
                    let kept = self.write(&format!("kept/{tool}-{number}-out{index}"), content);
                    let half = content.len() / 2;
                    let kept = kept.display();
                    let folder = format!("mkdir -p \"$(dirname '{name}')\"\n");
                    let written = match answer {
                        Answer::Works => format!("cp '{kept}' '{name}'\n"),
                        Answer::Garbage => format!("echo garbage > '{name}'\n"),
                        Answer::Fails(_) | Answer::Crashes | Answer::Hangs => {
                            format!("head -c {half} '{kept}' > '{name}'\n")
                        }
                        Answer::Nothing => String::new(),
                    };
                    folder + &written
                });
            script += &outputs.collect::<String>();
            script += &last(&match answer {
                Answer::Fails(words) => format!("echo '{words}' >&2; exit 1"),
                Answer::Crashes => "kill -SEGV $$".to_owned(),
                Answer::Hangs => {
                    let named = self.path(&format!("{tool}.pid"));
                    format!(
                        "echo $$ > '{0}.new'; mv '{0}.new' '{0}'; sleep 60",
                        named.display()
                    )
                }
                Answer::Works | Answer::Garbage | Answer::Nothing => ":".to_owned(),
            });
        }
        script += "*) wrong \"unexpected arguments: $*\" ;;\nesac\n";
        let path = self.write(&format!("{suite}/bin/{tool}"), script.as_bytes());
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, mode).expect("it is made executable");
        self.path(suite)
    }
}
