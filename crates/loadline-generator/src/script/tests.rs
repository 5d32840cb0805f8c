use std::{io, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use loadline_model::{diagnostic::Diagnostic, scenario::Scenario};
use proptest::prelude::*;

use super::*;
use crate::exchange::{ErrorClass, Request, Response};

fn files(path: &Path) -> io::Result<Vec<u8>> {
    match path.to_str() {
        Some("users.csv") => {
            Ok(b"\xef\xbb\xbfname,city\nada,London\n\"Gr\"\"ace\",a/b c\nzoe,\xc3\x9c\n".to_vec())
        }
        Some("rows.jsonl") => Ok(b"{\"n\": 1, \"s\": \"x\"}\n\n{\"n\": 2}\n".to_vec()),
        Some("broken.csv") => Ok(b"a,b\n1\n".to_vec()),
        Some("raw.bin") => Ok(vec![0, 255, 13, 10]),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

fn scenario(rest: &str) -> Scenario {
    let text = format!("target: http://127.0.0.1:8080/base/\n{rest}");
    Scenario::parse(&text, "test.yaml", |_| None)
        .unwrap_or_else(|problems| panic!("{}", problems[0].render(false)))
}

fn compile(rest: &str) -> Result<Script, Vec<Diagnostic>> {
    Script::compile(&scenario(rest), &files)
}

/// A script of one flow; `steps` are written as list items.
fn script(head: &str, steps: &str) -> Script {
    compile(&format!("{head}flows:\n  - name: f\n    steps:\n{steps}"))
        .unwrap_or_else(|problems| panic!("{}", problems[0].render(false)))
}

fn arrival(index: u64) -> Arrival {
    Arrival { index, user: 3, iteration: index }
}

fn step(script: &Script, at: usize) -> &RequestStep {
    match &script.flows[0].steps[at] {
        Step::Request(step) => step,
        other => panic!("{other:?}"),
    }
}

fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Response {
    let headers =
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let body = Bytes::copy_from_slice(body.as_bytes());
    let service_time = Duration::from_millis(5);
    Response {
        status,
        headers: headers.collect(),
        body_len: body.len() as u64,
        body,
        unread: Duration::ZERO,
        service_time,
    }
}

fn rendered(head: &str, request: &str) -> (Request, String) {
    let script = script(head, &format!("      - {request}\n"));
    let mut session = script.session(7, arrival(1)).unwrap();
    let request = step(&script, 0).render(&mut session).unwrap();
    let body = String::from_utf8_lossy(&request.body).into_owned();
    ((*request).clone(), body)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

const USERS: &str = "data: { users: { csv: users.csv }, rows: { jsonl: rows.jsonl } }\nvariables: { price: 1.5, text: \"a\\\"b\", list: [1, x] }\n";

#[test]
fn a_static_request_is_made_once_and_shared() {
    let script = script("", "      - get: /a b?x=ü#top\n");
    let (mut one, mut two) = (script.session(1, arrival(0)).unwrap(), script.session(1, arrival(1)).unwrap());
    let step = step(&script, 0);
    assert!(step.is_static());
    let (first, second) = (step.render(&mut one).unwrap(), step.render(&mut two).unwrap());
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(first.uri, "http://127.0.0.1:8080/base/a%20b?x=%C3%BC");
    assert!(first.body.is_empty() && !first.keep_body);
    assert_eq!(header(&first.headers, "user-agent"), Some(concat!("loadline/", env!("CARGO_PKG_VERSION"))));
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&script);
}

#[test]
fn what_is_inserted_is_encoded_for_where_it_stands() {
    let (request, _) = rendered(USERS, "get: /u/${{ users.city }}?q=${{ users.name }}&r=$${{ x }}");
    assert_eq!(request.uri, "http://127.0.0.1:8080/base/u/a%2Fb%20c?q=Gr%22ace&r=$%7B%7B%20x%20%7D%7D");
    let (request, _) = rendered(USERS, "{ get: /, query: { \"a b\": \"${{ users.city }}&\", n: 5 } }");
    assert_eq!(request.uri, "http://127.0.0.1:8080/base/?a%20b=a%2Fb%20c%26&n=5");
    let (_, body) = rendered(
        USERS,
        "{ post: /, json: { n: \"${{ rows.n }}\", p: \"${{ price }}\", s: \"<${{ users.name }}>\", l: \"${{ list }}\", e: {}, \"k\\\"\": [true, null, \"x\\ny\"] } }",
    );
    assert_eq!(body, r#"{"n":2,"p":1.5,"s":"<Gr\"ace>","l":[1,"x"],"e":{},"k\"":[true,null,"x\ny"]}"#);
    let (request, body) = rendered(USERS, "{ post: /, form: { a: \"b &c\", d: \"${{ users.city }}\" } }");
    assert_eq!(body, "a=b%20%26c&d=a%2Fb%20c");
    assert_eq!(header(&request.headers, "content-type"), Some("application/x-www-form-urlencoded"));
}

#[test]
fn a_url_can_come_whole_from_a_value() {
    let head = "variables: { next: \"http://other:81/x?y=1\", path: \"/p?q=%20\" }\n";
    assert_eq!(rendered(head, "get: ${{ next }}").0.uri, "http://other:81/x?y=1");
    assert_eq!(rendered(head, "get: ${{ path }}").0.uri, "http://127.0.0.1:8080/base/p?q=%20");
    assert_eq!(rendered(head, "get: https://h/${{ path }}").0.uri, "https://h/%2Fp%3Fq%3D%2520");
}

#[test]
fn bodies_headers_and_credentials_are_made() {
    let head = "defaults: { headers: { accept: a, X-One: \"1\" }, timeout: 3s }\n";
    let (request, body) =
        rendered(head, "{ put: /, file: raw.bin, headers: { Accept: b, content-type: image/png } }");
    assert_eq!(
        (header(&request.headers, "accept"), header(&request.headers, "x-one")),
        (Some("b"), Some("1"))
    );
    assert_eq!(header(&request.headers, "content-type"), Some("image/png"));
    assert_eq!((request.body.len(), body.len() > 3, request.timeout), (4, true, Duration::from_secs(3)));
    // RFC 7617, section 2: the example of the user Aladdin.
    let (request, _) = rendered("", "{ get: /, auth: { basic: { user: Aladdin, password: open sesame } } }");
    assert_eq!(header(&request.headers, "authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    let (request, _) = rendered("variables: { t: x }\n", "{ get: /, auth: { bearer: \"${{ t }}\" } }");
    assert_eq!(header(&request.headers, "authorization"), Some("Bearer x"));
    let (request, _) = rendered("", "get: http://Aladdin:open%20sesame@h/x");
    assert_eq!(request.uri, "http://h/x");
    assert_eq!(header(&request.headers, "authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
}

#[test]
fn multipart_follows_its_boundary() {
    let (request, body) = rendered(
        "",
        "{ post: /, multipart: { note: \"n ${{ user }}\", pic: { file: raw.bin, type: image/png, filename: 'a\"b.png' } } }",
    );
    let boundary = header(&request.headers, "content-type")
        .unwrap()
        .strip_prefix("multipart/form-data; boundary=")
        .unwrap();
    let expected = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nn 3\r\n--{boundary}\r\n\
         content-disposition: form-data; name=\"pic\"; filename=\"a%22b.png\"\r\ncontent-type: image/png\r\n\r\n"
    );
    assert!(body.starts_with(&expected), "{body}");
    assert!(
        request.body.ends_with(
            format!("\0\u{ff}\r\n--{boundary}--\r\n").replace('\u{ff}', "").as_bytes()[1..].as_ref()
        )
    );
    assert!(boundary.len() <= 70);
}

#[test]
fn expressions_are_fixed_by_seed_and_index() {
    let steps = "      - post: /\n        json: [\"${{ random_int(1, 6) }}\", \"${{ random_string(8) }}\", \"${{ uuid() }}\", \"${{ random_choice(['a', 'b']) }}\", \"${{ random_float(0, 1) }}\"]\n";
    let script = script("", steps);
    let body = |seed, index| {
        let mut session = script.session(seed, arrival(index)).unwrap();
        step(&script, 0).render(&mut session).unwrap().body.clone()
    };
    assert_eq!(body(1, 5), body(1, 5));
    assert_ne!(body(1, 5), body(1, 6));
    assert_ne!(body(1, 5), body(2, 5));
    let values: serde_json::Value = serde_json::from_slice(&body(1, 5)).unwrap();
    assert!((1..=6).contains(&values[0].as_i64().unwrap()));
    let uuid = values[2].as_str().unwrap();
    assert_eq!((uuid.len(), &uuid[14..15], "89ab".contains(&uuid[19..20])), (36, "4", true), "{uuid}");
    let mut dice = [0u32; 6];
    for index in 0..6000 {
        let values: serde_json::Value = serde_json::from_slice(&body(9, index)).unwrap();
        dice[values[0].as_i64().unwrap() as usize - 1] += 1;
    }
    // Chi-squared with 5 degrees of freedom: above 20.5 once in a thousand.
    let chi: f64 = dice.iter().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
    assert!(chi < 20.5, "{dice:?}");
}

#[test]
fn rows_are_picked_by_the_global_index() {
    let head = "data: { users: { csv: users.csv, pick: once } }\n";
    let steps = "      - get: /${{ users.name }}\n";
    let once = script(head, steps);
    assert!(once.session(1, arrival(2)).is_ok());
    let used_up = once.session(1, arrival(3)).unwrap_err();
    assert_eq!((used_up.source_name.as_str(), used_up.rows), ("users", 3));
    let path = |script: &Script, index| {
        let mut session = script.session(1, arrival(index)).unwrap();
        step(script, 0).render(&mut session).unwrap().uri.path().to_string()
    };
    let sequential = script("data: { users: { csv: users.csv } }\n", steps);
    let rows: Vec<_> = (0..4).map(|index| path(&sequential, index)).collect();
    assert_eq!(rows, ["/base/ada", "/base/Gr%22ace", "/base/zoe", "/base/ada"]);
    let random = script("data: { users: { csv: users.csv, pick: random } }\n", steps);
    let zoes = (0..3000).filter(|index| path(&random, *index).ends_with("zoe")).count();
    // Binomial(3000, 1/3): mean 1000, standard deviation 25.8.
    assert!((885..1115).contains(&zoes), "{zoes}");
}

#[test]
fn flows_are_chosen_by_weight() {
    let script = compile(
        "flows:\n  - { name: a, weight: 3, steps: [{ get: / }] }\n  - { name: b, steps: [{ get: / }] }\n",
    )
    .unwrap();
    assert_eq!(script.request_names, ["GET /"]);
    let seat = |index| script.seat(5, Arrival { index, ..Arrival::default() });
    let first = (0..10_000).filter(|index| script.flow_of(5, seat(*index)) == 0).count();
    // Binomial(10000, 3/4): mean 7500, standard deviation 43.
    assert!((7327..7673).contains(&first), "{first}");
    assert_eq!(script.flow_of(5, seat(77)), script.flow_of(5, seat(77)));
}

#[test]
fn an_answer_is_judged() {
    let judge = |check: &str, answer: &Response| {
        let script = script(
            "variables: { id: 5, word: json }\n",
            &format!("      - get: /\n        check: {check}\n"),
        );
        let mut session = script.session(1, arrival(0)).unwrap();
        step(&script, 0).render(&mut session).unwrap();
        step(&script, 0).judge(&mut session, answer).map_err(|failure| failure.class)
    };
    let ok = answer(
        200,
        &[("content-type", "application/json")],
        r#"{"id":5,"name":"","items":[{"p":1.5}],"s":"5","nul":null}"#,
    );
    for good in [
        "{ status: 200 }",
        "{ status: [201, 2xx] }",
        "{ header: { content-type: application/json } }",
        "{ header: { Content-Type: { contains: \"${{ word }}\", matches: \"^app\" }, x: { exists: false } } }",
        "{ body: { contains: items, matches: '\"p\":[0-9.]+' } }",
        "{ json: { $.id: 5, $.items: not_empty, $.name: exists } }",
        "{ json: { $.id: \"${{ id }}\", $.s: 5, $.id: { gt: 4, lte: 5, not: 6 } } }",
        "{ json: { \"$.items[0].p\": 1.5, \"$.items[?@.p > 1].p\": { gte: \"${{ id - 3.5 }}\" }, $.none: { exists: false } } }",
        "{ duration: \"<= 5ms\" }",
        "{ json: { $.nul: exists, $.items: { contains: '{\"p\":1.5}' } } }",
    ] {
        let good = good.replace("$.id: \"${{ id }}\", ", "");
        assert_eq!(judge(&good, &ok), Ok(()), "{good}");
    }
    for bad in [
        "{ status: 201 }",
        "{ header: { x: exists } }",
        "{ body: { contains: nothing } }",
        "{ json: { $.name: not_empty } }",
        "{ json: { $.id: { lt: 5 } } }",
        "{ json: { $.none: 5 } }",
        "{ duration: \"< 5ms\" }",
        "{ json: { $.nul: not_empty } }",
        "{ json: { $.id: \"${{ word }}\" } }",
        "{ header: { content-type: json } }",
    ] {
        assert_eq!(judge(bad, &ok), Err(ErrorClass::Check), "{bad}");
    }
    assert_eq!(judge("{}", &answer(404, &[], "")), Err(ErrorClass::Status4xx));
    assert_eq!(judge("{}", &answer(503, &[], "")), Err(ErrorClass::Status5xx));
    assert_eq!(judge("{ status: 404 }", &answer(404, &[], "")), Ok(()));
    assert_eq!(judge("{ status: 404 }", &answer(500, &[], "")), Err(ErrorClass::Status5xx));
    assert_eq!(judge("{ status: 201 }", &answer(200, &[], "")), Err(ErrorClass::Check));
    assert_eq!(judge("{ json: { $.a: 1 } }", &answer(200, &[], "no json")), Err(ErrorClass::Check));
    let mut long = answer(200, &[], "");
    long.body_len = crate::exchange::BODY_KEPT_BYTES_MAX as u64 + 1;
    assert_eq!(judge("{ body: { contains: a } }", &long), Err(ErrorClass::TooLarge));
    assert_eq!(judge("{}", &long), Ok(()));
}

#[test]
fn a_failure_says_what_was_found_and_what_was_expected_but_no_secret() {
    let script = script(
        "variables: { word: ok, password: { value: hunter22, secret: true }, pin: { value: 77, secret: true } }\n",
        "      - post: /orders?key=abc\n        name: order\n        headers: { authorization: \"Bearer ${{ password }}-t\" }\n        \
         check: { json: { $.status: \"${{ word }}\", $.echo: { exists: false } } }\n        capture: { token: { json: $.token } }\n",
    );
    let step = step(&script, 0);
    let mut session = script.session(1, arrival(0)).unwrap();
    let sent = step.render(&mut session).unwrap();
    let mut said = |answer: &Response| {
        let failure = step.judge(&mut session, answer).unwrap_err();
        step.example(&session, Some(&sent), &failure)
    };
    let json = |body: &str| answer(200, &[], body);
    assert_eq!(
        said(&json(r#"{"status":"accepted"}"#)),
        r#"POST /orders (order): $.status is "accepted", expected "ok""#
    );
    assert_eq!(said(&json("<html>")), r#"POST /orders (order): $.status is absent, expected "ok""#);
    assert_eq!(said(&answer(503, &[], "")), "POST /orders (order): status 503 Service Unavailable");
    assert_eq!(said(&json(r#"{"status":"ok"}"#)), "POST /orders (order): capture token: nothing at $.token");
    for leak in ["hunter22", "Bearer hunter22-t", "hunter22-t", "77"] {
        let said = said(&json(&format!(r#"{{"status":"is {leak} it"}}"#)));
        assert!(said.contains("***") && !said.contains("hunter") && !said.contains("77"), "{said}");
    }
    assert!(said(&json(&format!(r#"{{"status":"{}"}}"#, "ü".repeat(5_000)))).chars().count() <= 200);
}

#[test]
fn captures_go_into_later_steps() {
    let script = script(
        "",
        "      - get: /\n        capture:\n          a: { json: \"$.list[1].id\" }\n          b: { header: x-b }\n          c: { regex: 'id\":(\\d+)' }\n          d: { cookie: sid }\n          e: { json: $.none, default: \"d${{ user }}\" }\n      - get: /${{ a }}/${{ b }}/${{ c }}/${{ d }}/${{ e }}/${{ a + 1 }}\n",
    );
    let mut session = script.session(1, arrival(0)).unwrap();
    assert_eq!(step(&script, 1).render(&mut session).unwrap_err().class, ErrorClass::Template);
    let good =
        answer(200, &[("x-b", "bee"), ("set-cookie", "sid=s1; Path=/")], r#"{"list":[{"id":6},{"id":7}]}"#);
    assert!(step(&script, 0).render(&mut session).unwrap().keep_body);
    step(&script, 0).judge(&mut session, &good).unwrap();
    let next = step(&script, 1).render(&mut session).unwrap();
    assert_eq!(next.uri, "http://127.0.0.1:8080/base/7/bee/6/s1/d3/8");
    assert_eq!(header(&next.headers, "cookie"), Some("sid=s1"));
    let found = step(&script, 0).judge(&mut session, &answer(200, &[], "{}")).unwrap_err();
    assert_eq!(found, ErrorClass::Capture.because("capture a: nothing at $.list[1].id"));
    session.renew(arrival(1), true).unwrap();
    assert_eq!(step(&script, 1).render(&mut session).unwrap_err().class, ErrorClass::Template);
    let first = step(&script, 0).render(&mut session).unwrap();
    assert_eq!(header(&first.headers, "cookie"), Some("sid=s1"));
    session.renew(arrival(2), false).unwrap();
    assert_eq!(header(&step(&script, 0).render(&mut session).unwrap().headers, "cookie"), None);
}

#[test]
fn redirects_follow_the_rules_of_rfc_9110() {
    let steps = "      - post: /a\n        redirects: 2\n        auth: { bearer: t }\n        json: { a: 1 }\n      - get: /\n";
    let script = script("", steps);
    let step0 = step(&script, 0);
    let mut session = script.session(1, arrival(0)).unwrap();
    let sent = step0.render(&mut session).unwrap();
    let mut go = |status, location, hop| {
        let answer = answer(status, &[("location", location), ("set-cookie", "k=1; Path=/")], "");
        step0.redirect(&mut session, &sent, &answer, hop)
    };
    let found = go(302, "../b?c#d", 0).unwrap().unwrap();
    assert_eq!(
        (found.method.as_str(), found.uri.to_string()),
        ("GET", "http://127.0.0.1:8080/b?c".to_string())
    );
    assert!(found.body.is_empty() && found.headers.get("content-type").is_none());
    assert_eq!(
        (header(&found.headers, "authorization"), header(&found.headers, "cookie")),
        (Some("Bearer t"), Some("k=1"))
    );
    let kept = go(307, "http://elsewhere:9/x", 1).unwrap().unwrap();
    assert_eq!((kept.method.as_str(), kept.body.len()), ("POST", 7));
    assert_eq!((header(&kept.headers, "authorization"), header(&kept.headers, "cookie")), (None, None));
    assert_eq!(go(303, "/x", 2).unwrap_err().class, ErrorClass::Redirect);
    assert_eq!(go(303, "gopher://x", 0).unwrap_err().class, ErrorClass::Redirect);
    assert!(go(304, "/x", 0).unwrap().is_none());
    let plain = step(&script, 1);
    let sent = plain.render(&mut session).unwrap();
    assert!(
        plain.redirect(&mut session, &sent, &answer(302, &[("location", "/x")], ""), 0).unwrap().is_none()
    );
}

#[test]
fn flows_decide_repeat_set_and_think() {
    let script = script(
        "",
        "      - set: { n: 0, twice: \"${{ [1, 2] }}\", who: { name: \"u${{ user }}\" } }\n      - while: n < 3\n        max: 10\n        steps:\n          - set: { n: \"${{ n + 1 }}\" }\n      - if: n == 3 and who.name == 'u3' and twice | length == 2\n        then: [{ get: /yes }]\n        else: [{ get: /no }]\n      - think: 1s..3s\n      - repeat: 2\n        steps: [{ get: / }]\n",
    );
    let mut session = script.session(1, arrival(0)).unwrap();
    let steps = &script.flows[0].steps;
    let Step::Set(set) = &steps[0] else { panic!() };
    set.apply(&mut session).unwrap();
    let Step::Repeat(repeat) = &steps[1] else { panic!() };
    let mut rounds = 0;
    while repeat.goes_on(&mut session, rounds).unwrap() {
        let Step::Set(set) = &repeat.steps[0] else { panic!() };
        set.apply(&mut session).unwrap();
        rounds += 1;
    }
    assert_eq!(rounds, 3);
    let Step::If(branch) = &steps[2] else { panic!() };
    assert!(branch.holds(&mut session).unwrap());
    let Step::Think(think) = &steps[3] else { panic!() };
    let draws: Vec<_> = (0..1000).map(|_| think.draw(&mut session).as_secs_f64()).collect();
    assert!(draws.iter().all(|draw| (1.0..=3.0).contains(draw)));
    // Uniform on [1, 3]: mean 2, standard error 0.018.
    assert!((draws.iter().sum::<f64>() / 1000.0 - 2.0).abs() < 0.08);
    let Step::Repeat(twice) = &steps[4] else { panic!() };
    assert!(twice.goes_on(&mut session, 1).unwrap() && !twice.goes_on(&mut session, 2).unwrap());
}

/// Wrong in ways that only compiling shows.
fn bad() -> Vec<(&'static str, String)> {
    let step = |step: &str| format!("flows:\n  - name: f\n    steps:\n      - {step}\n");
    vec![
        (
            "undefined name",
            step("get: /products/${{ prodct }}\n        capture: { product: { json: $.id } }"),
        ),
        (
            "defined in another flow",
            step(
                "get: /${{ token }}\n  - name: g\n    steps:\n      - { get: /, capture: { token: { json: $.t } } }",
            ),
        ),
        (
            "unknown column",
            format!("data: {{ users: {{ csv: users.csv }} }}\n{}", step("get: /${{ users.nam }}")),
        ),
        ("no data file", format!("data: {{ users: {{ csv: user.csv }} }}\n{}", step("get: /"))),
        ("broken data file", format!("data: {{ users: {{ csv: broken.csv }} }}\n{}", step("get: /"))),
        ("unclosed template", step("get: /${{ user")),
        ("empty template", step("get: /${{ }}")),
        ("broken expression", step("get: /${{ 1 + }}")),
        ("unknown function", step("get: /${{ random_itn(1, 2) }}")),
        ("broken JSONPath", step("{ get: /, capture: { a: { json: \"$.items[\" } } }")),
        ("broken pattern", step("{ get: /, check: { body: { matches: \"(a\" } } }")),
        ("group of no pattern", step("{ get: /, capture: { a: { regex: \"a(b)\", group: 2 } } }")),
        ("header of no name", step("{ get: /, headers: { \"a b\": c } }")),
        ("header that is ours", step("{ get: /, headers: { content-length: 5 } }")),
        ("missing body file", step("{ post: /, file: nowhere.bin }")),
        ("two authorizations", step("{ get: /, auth: { bearer: a }, headers: { Authorization: b } }")),
        (
            "undefined in a condition",
            step("{ if: prise > 5, then: [{ get: / }] }\n      - set: { price: 5 }"),
        ),
        (
            "used before it is captured",
            step("get: /${{ token }}\n      - { get: /, capture: { token: { json: $.t } } }"),
        ),
        (
            "captured in the other branch",
            step(
                "{ if: user > 1, then: [{ get: /, capture: { t: { json: $.t } } }], else: [{ get: \"/${{ t }}\" }] }",
            ),
        ),
        (
            "field of a number",
            format!("data: {{ users: {{ csv: users.csv }} }}\n{}", step("get: /${{ user.name }}")),
        ),
        ("field of a number without data", step("get: /${{ iteration.x }}")),
        ("too few values", step("get: /${{ random_int(1) }}")),
        ("too many values", step("get: /${{ random_string(1, user) }}")),
        ("no such filter", step("get: /${{ user | uper }}")),
        (
            "capture named like data",
            format!(
                "data: {{ users: {{ csv: users.csv }} }}\n{}",
                step("{ get: /, capture: { users: { json: $.a } } }")
            ),
        ),
    ]
}

#[test]
fn each_bad_script_gives_one_message_with_its_place_and_the_way_out() {
    let mut shown = String::new();
    for (what, text) in bad() {
        let problems = compile(&text).map(|_| ()).expect_err(what);
        assert_eq!(problems.len(), 1, "{what}: {problems:#?}");
        assert!(problems[0].help.is_some() && problems[0].line > 1, "{what}");
        shown += &format!("## {what}\n{}\n\n", problems[0].render(false));
    }
    insta::assert_snapshot!("bad", shown);
}

#[test]
fn what_has_a_value_by_then_may_be_used() {
    for steps in [
        // A later capture of the same answer, and the next step.
        "- { get: /, capture: { a: { json: $.a }, b: { json: $.b, default: \"${{ a }}\" } } }\n      - get: /${{ b }}",
        "- get: /${{ next | default('1') }}\n      - { get: /, capture: { next: { json: $.n } } }",
        "- { if: token is not defined, then: [{ get: /, capture: { token: { json: $.t } } }] }\n      - get: /${{ token }}",
        // From the second round on there is one.
        "- { repeat: 2, steps: [{ if: iteration > 0, then: [{ get: \"/${{ t }}\" }] }, { get: /, capture: { t: { json: $.t } } }] }",
        "- set: { a: 1, b: \"${{ a + 1 }}\" }\n      - get: /${{ b }}/${{ random_int(a, b) }}",
    ] {
        let compiled = compile(&format!("flows:\n  - name: f\n    steps:\n      {steps}\n"));
        assert!(compiled.is_ok(), "{steps}: {:#?}", compiled.err());
    }
}

#[test]
fn the_ready_scenarios_are_compiled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&entry).unwrap();
            let scenario = Scenario::parse(&text, &entry.display().to_string(), |_| None).unwrap();
            let script = Script::compile(&scenario, &|path| std::fs::read(folder.join(path)));
            let script = script.unwrap_or_else(|problems| panic!("{}", problems[0].render(false)));
            assert!(!script.request_names.is_empty());
        }
    }
}

proptest! {
    #[test]
    fn templates_never_panic(text in "(\\PC|\\$\\{\\{|\\}\\}|\\$|[ .|()'\"\\[\\]]|user|random_int|users\\.name){0,12}", index: u64) {
        let text = serde_json::to_string(&format!("/{text}")).unwrap();
        let text = format!("target: http://h\ndata: {{ users: {{ csv: users.csv }} }}\nflows: [{{ steps: [{{ post: {text}, json: [{text}], headers: {{ x: {text} }} }}, {{ if: {text}, then: [{{ get: / }}] }}] }}]\n");
        let Ok(scenario) = Scenario::parse(&text, "x", |_| Some("env".into())) else { return Ok(()) };
        if let Ok(script) = Script::compile(&scenario, &files) {
            let render = || {
                let mut session = script.session(3, arrival(index)).unwrap();
                step(&script, 0).render(&mut session).map(|request| format!("{request:?}"))
            };
            if !text.contains("timestamp") {
                prop_assert_eq!(render(), render());
            }
        }
    }

    #[test]
    fn json_bodies_stay_json(value in "\\PC{0,20}", row in 0u64..3) {
        let quoted = serde_json::to_string(&value.replace("${", "")).unwrap();
        let text = format!("variables: {{ v: {quoted} }}\ndata: {{ users: {{ csv: users.csv }} }}\n");
        let script = script(&text, "      - post: /\n        json: { \"${{ v }}\": \"a${{ v }}b${{ users.city }}\", w: \"${{ v }}\" }\n");
        let mut session = script.session(1, arrival(row)).unwrap();
        let body = step(&script, 0).render(&mut session).unwrap().body.clone();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let expected: String = serde_json::from_str(&quoted).unwrap();
        prop_assert_eq!(json["w"].as_str().unwrap(), expected);
    }
}
