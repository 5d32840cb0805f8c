//! `--header 'name: value'`, and a command line that may be shown.

use loadline::model::scenario::{is_sensitive, strike_url};

/// Reads a header given on the command line.
pub(crate) fn parse(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as `name: value`")?;
    if reqwest_name_is_bad(name.trim()) {
        return Err(format!("`{}` is no name of a header", name.trim()));
    }
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn reqwest_name_is_bad(name: &str) -> bool {
    http::HeaderName::from_bytes(name.as_bytes()).is_err()
}

/// The command line with what is secret struck out: values of sensitive headers, bodies, user info and sensitive
/// query values of URLs.
pub(crate) fn recorded(args: impl Iterator<Item = String>) -> Vec<String> {
    let mut recorded = Vec::new();
    let mut previous = String::new();
    for (place, arg) in args.enumerate() {
        let shown = match arg.split_once('=').filter(|_| arg.starts_with("--")) {
            Some((flag, value)) => format!("{flag}={}", struck(flag, value)),
            None if place == 0 => "loadline".to_owned(),
            None => match arg.strip_prefix("-H").filter(|value| !value.is_empty()) {
                Some(value) => format!("-H{}", struck("-H", value)),
                None => struck(&previous, &arg),
            },
        };
        recorded.push(shown);
        previous = arg;
    }
    recorded
}

fn struck(flag: &str, value: &str) -> String {
    match flag {
        "--body" => "***".to_owned(),
        "--header" | "-H" => match value.split_once(':') {
            Some((name, _)) if is_sensitive(name.trim()) => format!("{name}: ***"),
            _ => value.to_owned(),
        },
        _ if value.contains("://") => strike_url(value),
        "--proxy" | "--target" => match value.rsplit_once('@') {
            Some((_, host)) => format!("***@{host}"),
            None => value.to_owned(),
        },
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_struck_out_of_the_command_line() {
        let line = "/usr/bin/loadline run http://me:hunter2@127.0.0.1/?token=abc --header=Authorization:Bearer-x \
                    -H Cookie:a=b -H accept:text/html -HX-Token:close --proxy a:gatepass@127.0.0.1:3128 --body {\"password\":1}";
        let recorded = recorded(line.split(' ').filter(|arg| !arg.is_empty()).map(str::to_owned)).join(" ");
        for secret in ["hunter2", "abc", "Bearer-x", "a=b", "password", "close", "gatepass"] {
            assert!(!recorded.contains(secret), "{secret} in {recorded}");
        }
        assert!(
            recorded.starts_with("loadline run http://") && recorded.contains("accept:text/html"),
            "{recorded}"
        );
    }
}
