//! Files that hold secrets: private ones only, read into types that cannot print.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use cognito_flow::Secret;

/// More than any client secret has (Cognito's are 51 or 52 characters).
const MOST_BYTES: u64 = 4096;

/// The text of a secret file, without the line break at its end.
///
/// # Errors
/// A text for the operator: the file cannot be read, is not private, or holds no single line.
pub(super) fn read(path: &Path) -> Result<Secret<String>, String> {
    let at = |text: &str| format!("{}: {text}", path.display());
    check_private(path)?;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| at(&error.to_string()))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(at("this is too long for a secret"));
    }
    let text = Secret::new(String::from_utf8(bytes).map_err(|_| at("this is not text"))?);
    let line = text.expose().trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        return Err(at("this is empty; the secret stands in it on one line"));
    }
    if line.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(at(
            "this has blanks in it; the secret stands in it on one line",
        ));
    }
    Ok(Secret::new(line.to_owned()))
}

/// nobody but its owner and its group may read the file, and the owner is this process's user or root.
///
/// Group-readable is right in Kubernetes, where secret files belong to root and to the pod's `fsGroup`.
///
/// # Errors
/// A text for the operator that says how to put it right.
#[cfg(unix)]
pub(super) fn check_private(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;

    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    let path = path.display();
    if !metadata.is_file() {
        return Err(format!("{path}: this is not a file"));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(format!(
            "{path}: every user of this machine may open it (mode {mode:03o}); \
             run chmod o= {path} (in Kubernetes: defaultMode: 0440)"
        ));
    }
    // The owner of /proc/self is the user this process acts as. Without /proc the check falls away.
    let own = fs::metadata("/proc/self").map(|metadata| metadata.uid());
    if let Ok(own) = own
        && metadata.uid() != own
        && metadata.uid() != 0
    {
        return Err(format!(
            "{path}: it belongs to another user (uid {}); run chown {own} {path}",
            metadata.uid()
        ));
    }
    Ok(())
}

/// Only that it is a file: permissions are told by other means here.
///
/// # Errors
/// A text for the operator.
#[cfg(not(unix))]
pub(super) fn check_private(path: &Path) -> Result<(), String> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_file() {
        Ok(())
    } else {
        Err(format!("{}: this is not a file", path.display()))
    }
}

#[cfg(unix)]
/// A file that cannot be had, and what to do about it.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> String {
    format!(
        "{}: {error}; name a file that is there and that this user can read",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn with_file(mode: u32, bytes: &[u8], check: impl FnOnce(&Path)) {
        let path = std::env::temp_dir().join(format!("sidegate-secret-{}", uuid::Uuid::new_v4()));
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        check(&path);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_line_break_at_the_end_is_not_part_of_the_secret() {
        for written in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            with_file(0o600, written.as_bytes(), |path| {
                assert_eq!(read(path).unwrap().expose(), "s3cret");
            });
        }
    }

    #[test]
    fn a_file_that_everybody_may_open_is_refused() {
        for mode in [0o644, 0o604, 0o666, 0o602, 0o777] {
            with_file(mode, b"s3cret", |path| {
                let problem = read(path).unwrap_err();
                assert!(problem.contains("run chmod o= "), "{problem}");
            });
        }
        for mode in [0o400, 0o440, 0o640] {
            with_file(mode, b"s3cret", |path| assert!(read(path).is_ok()));
        }
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_and_not_shown() {
        let long = [b'a'; 5000];
        for bytes in [
            b"".as_slice(),
            b"\n",
            b"two words",
            b"a\nb\n",
            b"\xff\xfe",
            &long,
        ] {
            with_file(0o600, bytes, |path| {
                let problem = read(path).unwrap_err();
                assert!(
                    !problem.contains("words") && problem.len() < 300,
                    "{problem}"
                );
            });
        }
        assert!(read(Path::new("/nonexistent/secret")).is_err());
        assert!(read(&std::env::temp_dir()).is_err());
    }
}
