//! What others have made of the specifications reads the app's documents, and asks the app by them.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use innkeeper_tests::{Settings, TestHost, artifacts, is_left_out};
use tokio::process::Command;

/// How long what is started may take.
const LONGEST: Duration = Duration::from_secs(300);

/// Where `scripts/setup.sh documents` puts what reads them.
fn installed() -> PathBuf {
    artifacts::target().join("documents")
}

/// Runs Python where what reads documents is installed.
async fn python(arguments: &[&str], within: &Path) -> Output {
    let python = installed().join("bin/python");
    let mut command = Command::new(&python);
    command
        .args(arguments)
        .current_dir(within)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(LONGEST, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{arguments:?} does not end"));
    output.unwrap_or_else(|error| {
        panic!(
            "{}: {error}; scripts/setup.sh documents makes it",
            python.display()
        )
    })
}

fn is_well(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
}

/// Validates a JSON document by a schema of Draft 7, and says each error.
const VALIDATE: &str = r#"
import json, sys
from jsonschema import Draft7Validator

document, schema = (json.load(open(name)) for name in sys.argv[1:])
errors = [f"{error.json_path}: {error.message[:300]}" for error in Draft7Validator(schema).iter_errors(document)]
print("\n".join(errors))
sys.exit(bool(errors))
"#;

async fn written(host: &TestHost) -> PathBuf {
    let directory = host.home().join("docs");
    let operators = host.operators();
    let flags = [
        "docs",
        "--to",
        directory.to_str().expect("paths are UTF-8"),
        "--admin",
        operators.client().base(),
        "--admin-token",
        operators.token(),
    ];
    let said = innkeeper_tests::command(&flags).await;
    assert!(said.is_well, "{said:?}");
    directory
}

#[tokio::test]
async fn validators_of_others_find_nothing_in_the_documents() {
    if is_left_out("documents") {
        return;
    }
    let settings = super::settings().await.set("gateway.openapi", true);
    let host = TestHost::with(settings).await;
    let directory = written(&host).await;
    let public = host.gateway().get("/openapi.json").await.expect(200).body;
    std::fs::write(directory.join("public.json"), public.to_string()).expect("it can be written");
    let own = host.operators().client().get("/openapi.json").await;
    let own = own.expect(200).body;
    std::fs::write(directory.join("operators.json"), own.to_string()).expect("it can be written");
    for name in ["openapi.json", "public.json", "operators.json"] {
        is_well(&python(&["-m", "openapi_spec_validator", name], &directory).await);
    }
    let schema = installed().join("package/schemas/3.0.0.json");
    let schema = schema.to_str().expect("paths are UTF-8");
    is_well(&python(&["-c", VALIDATE, "asyncapi.json", schema], &directory).await);

    // They would find something.
    let broken = public.to_string().replace("\"responses\"", "\"answers\"");
    std::fs::write(directory.join("broken.json"), broken).expect("it can be written");
    let found = python(&["-m", "openapi_spec_validator", "broken.json"], &directory).await;
    assert!(!found.status.success());
    let found = python(&["-c", VALIDATE, "public.json", schema], &directory).await;
    assert!(!found.status.success());
}

#[tokio::test]
async fn the_app_answers_as_its_document_says_whatever_it_is_asked() {
    if is_left_out("documents") {
        return;
    }
    let settings = Settings::of_the_app().await.set("gateway.openapi", true);
    let host = TestHost::with(settings).await;
    // So that some of what is asked for is there.
    let room = host.stay().room("to be asked for").await;
    host.stay().review(room, "Good").await;
    host.stay().booked(room).await;
    host.operators().nothing_pending().await;
    let document = format!("{}/openapi.json", host.gateway().base());
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance";
    let arguments = [
        "-m",
        "schemathesis.cli",
        "--no-color",
        "run",
        &document,
        "--checks",
        checks,
        "--phases",
        "examples,coverage,fuzzing",
        "--max-examples",
        "20",
        "--seed",
        "1",
        "--request-timeout",
        "60",
        "--generation-database",
        "none",
        "--suppress-health-check",
        "all",
        "--warnings",
        "off",
    ];
    is_well(&python(&arguments, host.home()).await);
    assert!(!host.has_panicked());
}
