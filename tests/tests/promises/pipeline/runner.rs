//! What runs the pipelines in these tests does so as CodeBuild does, and would find what they are looked through for.

use super::build_machine::BuildMachine;
use super::buildspec::{Buildspec, Failed, Ran};

const SECRET: &str = "4d1f0c2e-not-for-anybody";

fn run(machine: &BuildMachine, phases: &str) -> Ran {
    let text = format!(
        "version: 0.2\nenv: {{shell: bash, variables: {{WHO: spec, WHERE: spec}}}}\nphases:\n{phases}"
    );
    let project = [("WHERE", "project"), ("SECRET", SECRET)];
    Buildspec::parse(&text).run(machine, &project)
}

/// What the commands have printed.
fn printed(ran: &Ran) -> Vec<&str> {
    let lines = ran.log.lines();
    lines.filter(|line| !line.starts_with('[')).collect()
}

#[test]
fn what_a_command_sets_is_there_for_the_next_one_and_nobody_is_asked_anything() {
    let phases = "
  install: {commands: ['cd /; here=kept', 'read -r line || echo \"$PWD $here\"']}
  build: {commands: ['echo \"$WHO $WHERE $here\"']}
";
    let ran = run(&BuildMachine::new(), phases);
    assert_eq!(ran.failed, None);
    assert_eq!(printed(&ran), ["/ kept", "spec project kept"]);
}

#[test]
fn a_phase_ends_with_what_fails_and_what_is_said_for_then_decides_what_follows() {
    let failing = |how: &str| {
        format!(
            "
  pre_build: {{commands: ['echo first']}}
  build: {{{how} commands: ['false', 'echo never'], finally: ['echo finally']}}
  post_build: {{commands: ['echo after']}}
"
        )
    };
    for (how, expected) in [
        ("on-failure: ABORT,", &["first", "finally"][..]),
        ("on-failure: CONTINUE,", &["first", "finally", "after"]),
        ("", &["first", "finally", "after"]),
    ] {
        let ran = run(&BuildMachine::new(), &failing(how));
        assert_eq!(printed(&ran), expected, "{how}");
        let command = "false".to_owned();
        let phase = "build";
        assert_eq!(ran.failed, Some(Failed { phase, command }), "{how}");
    }
    // Whoever ends the shell ends the run.
    let ends =
        "  install: {commands: ['exit 0', 'echo never']}\n  build: {commands: ['echo never']}\n";
    let ran = run(&BuildMachine::new(), ends);
    assert_eq!(ran.failed_in(), Some("install"));
    assert_eq!(printed(&ran), [""; 0]);
}

#[test]
fn a_secret_that_is_printed_kept_or_passed_on_is_found() {
    for command in [
        "echo \"$SECRET\"",
        "printf \"AWS:%s\" \"$SECRET\" | base64",
        "printf %s \"$SECRET\" > \"$HOME/.token\"",
        "docker login --password \"$SECRET\" &> /dev/null",
    ] {
        let machine = BuildMachine::new();
        machine.tell("failing", "");
        let command = command.replace('\'', "''");
        run(&machine, &format!("  build: {{commands: ['{command}']}}\n"));
        assert_eq!(machine.places_of(SECRET).len(), 1, "{command}");
    }
    let machine = BuildMachine::new();
    run(&machine, "  build: {commands: ['test -n \"$SECRET\"']}\n");
    assert_eq!(
        machine.places_of(SECRET),
        [""; 0].map(std::path::PathBuf::from)
    );
}
