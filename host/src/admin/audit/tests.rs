use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::*;

fn asked(path: &str) -> Asked {
    Asked {
        who: Some("ci".into()),
        role: Some("deploy".into()),
        from: Some("10.0.0.1".into()),
        method: "POST".into(),
        path: path.into(),
    }
}

/// All lines of the log of a directory, when each follows on the one before it.
fn lines(directory: &Path) -> Vec<Line> {
    let mut verifier = Verifier::default();
    let files = audit_files(directory).unwrap();
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    let take = |text: String| {
        let lines = text.lines().map(|line| verifier.take(line).unwrap());
        lines.collect::<Vec<_>>()
    };
    texts.flat_map(take).collect()
}

fn verified(log: &str) -> Result<u64, NotWhole> {
    let mut verifier = Verifier::default();
    for line in log.lines() {
        verifier.take(line)?;
    }
    Ok(verifier.first())
}

/// A log whose files are small.
fn small(directory: &Path, limits: Limits) -> Audit {
    Audit {
        file: Arc::new(Mutex::new(LogFile::open(directory, limits).unwrap())),
        refusals: RateLimiter::new(REFUSALS),
        unwritten: AtomicU64::new(0),
    }
}

/// The newest file.
fn newest(directory: &Path) -> PathBuf {
    audit_files(directory).unwrap().pop().unwrap()
}

#[tokio::test]
async fn lines_follow_on_each_other_over_restarts_and_torn_writes() {
    let directory = tempfile::tempdir().unwrap();
    let file = newest(directory.path());
    for _ in 0..3 {
        let audit = Audit::open(directory.path()).unwrap();
        let action = audit.begin(&asked("/v1/backup")).await.unwrap();
        action.end(200, None).await;
        drop(audit);
        let torn = fs::read_to_string(&file).unwrap() + "{\"number\":";
        fs::write(&file, torn).unwrap();
    }
    drop(Audit::open(directory.path()).unwrap());
    let found = lines(directory.path());
    let ends: Vec<_> = found.iter().map(|line| line.began).collect();
    assert_eq!(ends, [None, Some(1), None, Some(3), None, Some(5)]);
    // Whatever is changed or taken out shows.
    let log = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    for place in 0..lines.len() - 1 {
        let mut without = lines.clone();
        without.remove(place);
        assert!(verified(&without.join("\n")) != Ok(1), "without {place}");
        let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        changed[place] = changed[place].replace("\"ci\"", "\"me\"");
        assert!(verified(&changed.join("\n")).is_err(), "changed {place}");
    }
}

#[tokio::test]
async fn refusals_are_counted_and_few_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::open(directory.path()).unwrap();
    for _ in 0..5_000 {
        audit
            .refused(&asked("/v1/contexts"), 401, "unknown-token")
            .await;
    }
    let written = lines(directory.path()).len();
    assert!((30..300).contains(&written), "{written}");
    assert!(audit.unwritten.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn what_was_cut_off_has_an_end_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::open(directory.path()).unwrap();
    drop(audit.begin(&asked("/dropped")).await.unwrap());
    // It is written in the background.
    let deadline = Instant::now() + Duration::from_secs(10);
    while lines(directory.path()).len() < 2 && Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
    // The process ends: nobody drops anything.
    std::mem::forget(audit.begin(&asked("/killed")).await.unwrap());
    drop(audit);
    drop(Audit::open(directory.path()).unwrap());
    drop(Audit::open(directory.path()).unwrap());
    let found = lines(directory.path());
    let told: Vec<_> = found
        .iter()
        .map(|line| (line.path.as_str(), line.began, line.status))
        .collect();
    let expected = [
        ("/dropped", None, None),
        ("/dropped", Some(1), None),
        ("/killed", None, None),
        ("/killed", Some(3), None),
    ];
    assert_eq!(told, expected);
    assert!(
        found
            .iter()
            .all(|line| line.began.is_some() == line.reason.is_some())
    );
}

#[tokio::test]
async fn the_disk_is_not_filled_and_the_chain_goes_on() {
    const FILES: usize = 4;
    let limits = Limits {
        file: 4_096,
        refusals: 1_024,
        files: FILES,
        ..Limits::default()
    };
    let directory = tempfile::tempdir().unwrap();
    let mut audit = small(directory.path(), limits);
    for number in 0..200 {
        let action = audit.begin(&asked(&format!("/{number}"))).await.unwrap();
        action.end(200, None).await;
        if number % 50 == 0 {
            audit = small(directory.path(), limits);
        }
    }
    let files = audit_files(directory.path()).unwrap();
    assert_eq!(files.len(), FILES);
    let size: u64 = files
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(size <= FILES as u64 * (limits.file + 1_024), "{size}");
    let found = lines(directory.path());
    assert!(found[0].number > 1 && found.last().unwrap().number == 400);
}

#[tokio::test]
async fn who_is_refused_pushes_nothing_out() {
    let limits = Limits {
        file: 4_096,
        refusals: 1_024,
        files: 2,
        ..Limits::default()
    };
    let directory = tempfile::tempdir().unwrap();
    let mut log = LogFile::open(directory.path(), limits).unwrap();
    log.append(Line::new(&asked("/done"), What::Begun)).unwrap();
    let refused = (0..1_000).filter_map(|_| {
        let line = Line::new(&asked("/refused"), What::Refused);
        log.append(line).unwrap()
    });
    assert!((1..20).contains(&refused.count()));
    assert_eq!(lines(directory.path())[0].path, "/done");
    assert_eq!(audit_files(directory.path()).unwrap().len(), 1);
}

#[tokio::test]
async fn an_old_file_is_put_aside() {
    let limits = Limits {
        age: Duration::ZERO,
        ..Limits::default()
    };
    let directory = tempfile::tempdir().unwrap();
    let audit = small(directory.path(), limits);
    let action = audit.begin(&asked("/")).await.unwrap();
    action.end(200, None).await;
    assert_eq!(audit_files(directory.path()).unwrap().len(), 2);
    // An action that began in the file before has no second end.
    drop(small(directory.path(), limits));
    assert_eq!(lines(directory.path()).len(), 2);
}

#[test]
fn a_log_that_ends_in_something_else_is_not_gone_on_with() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(newest(directory.path()), "nonsense\n").unwrap();
    let error = Audit::open(directory.path()).err().unwrap().to_string();
    assert!(error.contains("move it away"), "{error}");
}
