//! A buildspec (version 0.2) and how AWS CodeBuild runs it: phase by phase, all commands in one shell, each printed before it runs; a phase ends with the first command
//! that fails, then its `finally` runs, and then `on-failure` says whether another phase does.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use super::build_machine::BuildMachine;
use super::yaml;

/// The phases, in their order.
const PHASES: [&str; 4] = ["install", "pre_build", "build", "post_build"];
/// How long a command may take.
const LONGEST: Duration = Duration::from_secs(600);
/// What runs the commands whose files it is told, each in the same shell and without any input, and says how each has ended.
const SHELL: &str = r#"exec 3<&0 4>&1 </dev/null >>"$1" 2>&1
while IFS= read -r -u 3 file; do
    eval "$(<"$file")" 3<&- 4>&-
    echo "$?" >&4
done"#;

/// What a buildspec says.
pub struct Buildspec {
    shell: String,
    variables: Vec<(String, String)>,
    phases: Vec<Phase>,
}

struct Phase {
    name: &'static str,
    aborts: bool,
    commands: Vec<String>,
    finally: Vec<String>,
}

/// A command that has failed.
#[derive(Debug, PartialEq)]
pub struct Failed {
    /// Its phase.
    pub phase: &'static str,
    /// What was to be run.
    pub command: String,
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    /// The first that has failed; none where all went well.
    pub failed: Option<Failed>,
    /// All that was printed.
    pub log: String,
}

impl Ran {
    /// The phase in which it failed.
    pub fn failed_in(&self) -> Option<&'static str> {
        self.failed.as_ref().map(|failed| failed.phase)
    }
}

impl Buildspec {
    /// Reads one. What this does not know is none: nothing of a buildspec is left out when it is run.
    pub fn parse(source: &str) -> Self {
        let spec = yaml::document(source);
        only(&spec, &["version", "env", "phases"]);
        assert_eq!(spec["version"], "0.2", "one shell for all commands");
        let env = &spec["env"];
        only(env, &["shell", "variables"]);
        only(&spec["phases"], &PHASES);
        let variables = env["variables"].as_object().into_iter().flatten();
        let phases = PHASES.into_iter().filter_map(|name| {
            let phase = &spec["phases"][name];
            only(phase, &["on-failure", "commands", "finally"]);
            (!phase.is_null()).then(|| Phase {
                name,
                aborts: match phase["on-failure"].as_str() {
                    Some("ABORT") => true,
                    Some("CONTINUE") => false,
                    // Where nothing is said, what prepares must not fail, and post_build follows a build however that has ended.
                    None => name != "build",
                    Some(other) => panic!("on-failure is ABORT or CONTINUE, not {other}"),
                },
                commands: texts(&phase["commands"]),
                finally: texts(&phase["finally"]),
            })
        });
        Self {
            shell: env["shell"].as_str().unwrap_or("sh").to_owned(),
            variables: variables
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            phases: phases.collect(),
        }
    }

    /// Runs it where `machine` is, with the variables that the project has; these go before those of the buildspec.
    pub fn run(&self, machine: &BuildMachine, project: &[(&str, &str)]) -> Ran {
        let mut shell = Shell::start(self, machine, project);
        let mut failed = None;
        for phase in &self.phases {
            let of_phase = shell.run_until_one_fails(phase, &phase.commands);
            shell.run_until_one_fails(phase, &phase.finally);
            let ends = of_phase.is_some() && phase.aborts;
            failed = failed.or(of_phase);
            if ends {
                break;
            }
        }
        shell.end();
        Ran {
            failed,
            log: super::read(&machine.log()),
        }
    }
}

/// The one shell of a run.
struct Shell<'a> {
    machine: &'a BuildMachine,
    child: Child,
    files: ChildStdin,
    ended: mpsc::Receiver<String>,
    commands: usize,
}

impl<'a> Shell<'a> {
    fn start(spec: &Buildspec, machine: &'a BuildMachine, project: &[(&str, &str)]) -> Self {
        let log = machine.log();
        std::fs::write(&log, "").expect("a file can be written");
        let mut command = machine.command(&spec.shell);
        let of_spec = spec.variables.iter();
        let mut child = command
            .envs(of_spec.map(|(name, value)| (name, value)))
            .envs(project.iter().copied())
            .args(["-c", SHELL, "shell"])
            .arg(&log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the shell can be started");
        let files = child.stdin.take().expect("it is piped");
        let ended = lines(child.stdout.take().expect("it is piped"));
        Self {
            machine,
            child,
            files,
            ended,
            commands: 0,
        }
    }

    /// Runs these commands, and answers the first that has failed: none runs after it.
    fn run_until_one_fails(&mut self, phase: &Phase, commands: &[String]) -> Option<Failed> {
        let failed = commands.iter().find(|command| !self.run(command));
        failed.map(|command| Failed {
            phase: phase.name,
            command: command.clone(),
        })
    }

    fn run(&mut self, command: &str) -> bool {
        self.machine
            .note(&format!("[Container] Running command {command}\n"));
        let file = self.machine.commands().join(self.commands.to_string());
        self.commands += 1;
        std::fs::write(&file, command).expect("a file can be written");
        // A shell that a command has ended takes no other.
        let told = writeln!(self.files, "{}", file.display());
        let status = told
            .ok()
            .and_then(|()| match self.ended.recv_timeout(LONGEST) {
                Ok(status) => Some(status),
                Err(mpsc::RecvTimeoutError::Disconnected) => None,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let _ended = self.child.kill();
                    panic!("{command} has not ended after {LONGEST:?}")
                }
            });
        status.is_some_and(|status| status == "0")
    }

    fn end(mut self) {
        drop(self.files);
        self.child.wait().expect("it ends with its input");
    }
}

fn lines(out: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Refuses what has other members than these.
#[track_caller]
fn only(part: &Value, known: &[&str]) {
    for name in part.as_object().into_iter().flatten().map(|(name, _)| name) {
        assert!(known.contains(&name.as_str()), "{name} is not known here");
    }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(text).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("a text, not {other}"),
    }
}
