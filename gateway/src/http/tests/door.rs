use super::*;

/// Sends a question with these headers from `peer`, to a server with the keys `right` (chat), `acting` (ops) and
/// `deciding` (approve), or with none.
async fn knock(has_keys: bool, peer: &str, headers: &[(&str, &str)]) -> Result<u16, (u16, String)> {
    let site = site(vec![vec![text("hi"), finish()]]);
    if has_keys {
        site.keys.add("right", &[Scope::Chat]);
        site.keys.add("acting", &[Scope::Ops]);
        site.keys.add("deciding", &[Scope::Approve]);
    }
    let mut request = request(Method::POST, "/v1/chat/completions", question("chat", false));
    let address: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
    for (name, value) in headers {
        if *name == "host" && request.headers()["host"] == "localhost:7878" {
            request.headers_mut().remove("host");
        }
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let answered = site.send(request).await;
    if answered.status.is_success() {
        Ok(answered.status.as_u16())
    } else {
        Err(answered.error())
    }
}

async fn check(has_keys: bool, peer: &str, headers: &[(&str, &str)], expect: Result<u16, (u16, &str)>) {
    let answered = knock(has_keys, peer, headers).await;
    let expect = expect.map_err(|(status, code)| (status, code.to_owned()));
    assert_eq!(answered, expect, "keys {has_keys}, from {peer}, {headers:?}");
}

const HERE: &str = "127.0.0.1:50000";
const HERE_6: &str = "[::1]:50000";
const MAPPED: &str = "[::ffff:127.0.0.1]:50000";
const ELSEWHERE: &str = "192.168.1.9:50000";
const MISSING: Result<u16, (u16, &str)> = Err((401, "missing_api_key"));
const WRONG: Result<u16, (u16, &str)> = Err((401, "invalid_api_key"));

#[tokio::test]
async fn without_keys_only_this_machine_comes_in() {
    for here in [HERE, HERE_6, MAPPED] {
        check(false, here, &[], Ok(200)).await;
    }
    check(false, ELSEWHERE, &[], MISSING).await;
    check(false, "100.64.0.1:1", &[("host", "localhost")], MISSING).await;
    // Clients insist on sending some key, and a key cannot be wrong while there is none.
    check(false, HERE, &[("authorization", "Bearer none")], Ok(200)).await;
    check(false, ELSEWHERE, &[("authorization", "Bearer none")], MISSING).await;
    // A proxy on this machine speaks for the world.
    for name in [
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "forwarded",
        "via",
        "x-real-ip",
        "cf-connecting-ip",
    ] {
        check(false, HERE, &[(name, "203.0.113.7")], MISSING).await;
    }
}

#[tokio::test]
async fn with_keys_only_keys_come_in() {
    for peer in [HERE, ELSEWHERE] {
        check(true, peer, &[], MISSING).await;
        check(true, peer, &[("authorization", "Bearer right")], Ok(200)).await;
        check(true, peer, &[("authorization", "bearer  right ")], Ok(200)).await;
        check(true, peer, &[("authorization", "Bearer wrong")], WRONG).await;
        check(true, peer, &[("authorization", "Basic cmlnaHQ=")], WRONG).await;
        check(true, peer, &[("authorization", "Bearer")], WRONG).await;
        check(
            true,
            peer,
            &[("authorization", "Bearer right"), ("authorization", "Bearer wrong")],
            WRONG,
        )
        .await;
    }
    // A key needs no host and no origin: no page has it.
    let page = [
        ("host", "jarvis.example"),
        ("origin", "https://chat.example"),
        ("authorization", "Bearer right"),
    ];
    check(true, ELSEWHERE, &page, Ok(200)).await;
    check(true, HERE, &[("authorization", "Bearer acting")], Ok(200)).await;
    let deciding = [("authorization", "Bearer deciding")];
    check(true, HERE, &deciding, Err((403, "insufficient_scope"))).await;
}

#[tokio::test]
async fn a_rebound_name_does_not_come_in() {
    let refused = Err((403, "host_not_allowed"));
    for host in [
        "localhost",
        "LOCALHOST:80",
        "127.0.0.1:7878",
        "127.8.9.1",
        "[::1]",
        "[::1]:7878",
    ] {
        check(false, HERE, &[("host", host)], Ok(200)).await;
    }
    let rebound = [
        "evil.example",
        "evil.example:7878",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil@localhost",
        "192.168.1.2:7878",
        "0.0.0.0:7878",
        "[::2]",
        "",
    ];
    for host in rebound {
        check(false, HERE, &[("host", host)], refused).await;
    }
    check(false, HERE, &[("host", "localhost"), ("host", "evil.example")], refused).await;

    let site = site(vec![]);
    let mut request = request(Method::GET, "http://evil.example/v1/models", Body::empty());
    request.headers_mut().insert("host", "localhost".parse().unwrap());
    assert_eq!(site.send(request).await.error(), (403, "host_not_allowed".to_owned()));
}

#[tokio::test]
async fn a_page_from_elsewhere_does_not_come_in() {
    let refused = Err((403, "origin_not_allowed"));
    check(false, HERE, &[("origin", "http://localhost:7878")], Ok(200)).await;
    let here = [("host", "127.0.0.1:80"), ("origin", "http://127.0.0.1:80")];
    check(false, HERE, &here, Ok(200)).await;
    check(false, HERE, &[("sec-fetch-site", "same-origin")], Ok(200)).await;
    check(false, HERE, &[("sec-fetch-site", "none")], Ok(200)).await;
    for origin in [
        "https://evil.example",
        "null",
        // A page of another program on this machine.
        "http://127.0.0.1:5173",
        "http://localhost:8080",
        "http://localhost.evil.example",
        "file://",
        "evil",
        "",
    ] {
        check(
            false,
            HERE,
            &[("origin", origin), ("content-type", "text/plain")],
            refused,
        )
        .await;
    }
    for site in ["cross-site", "same-site"] {
        let from = [("sec-fetch-site", site), ("content-type", "text/plain")];
        check(false, HERE, &from, refused).await;
    }
    let both = [("origin", "http://localhost:7878"), ("origin", "https://evil.example")];
    check(false, HERE, &both, refused).await;
}

#[tokio::test]
async fn an_address_that_is_no_text_is_refused_in_openais_shape() {
    let site = site(vec![]);
    for path in [
        "/v1/models/%ff",
        "/v1/responses/a%C3",
        "/v1/responses/%80/input_items",
        "/v1/%fe",
    ] {
        let answered = site.fetch(path).await;
        assert_eq!(answered.error(), (400, "invalid_url".to_owned()), "{path}");
    }
    let answered = site.fetch("/v1/models/%C3%A4%25").await;
    assert_eq!(answered.error(), (404, "model_not_found".to_owned()));
}

/// Answers, refusals and errors alike.
#[tokio::test]
async fn nothing_behind_the_door_is_kept_or_taken_for_a_page() {
    let open = site(vec![]);
    let closed = site(vec![]);
    closed.keys.add("right", &[Scope::Chat]);
    for (site, path, status) in [
        (&open, "/v1/models", 200),
        (&open, "/v1/nothing", 404),
        (&closed, "/v1/models", 401),
    ] {
        let answered = site.fetch(path).await;
        let seen = (
            answered.header("x-content-type-options"),
            answered.header("cache-control"),
        );
        assert_eq!(
            (answered.status.as_u16(), seen),
            (status, (Some("nosniff"), Some("no-store"))),
            "{path}"
        );
    }
}

#[tokio::test]
async fn nobody_comes_in_while_keys_cannot_be_checked() {
    let site = site(vec![]);
    site.keys.add("right", &[Scope::Chat]);
    *site.keys.broken.lock().unwrap() = true;
    assert_eq!(
        site.fetch("/v1/models").await.error(),
        (503, "keys_unavailable".to_owned())
    );
    let mut keyed = request(Method::GET, "/v1/models", Body::empty());
    keyed
        .headers_mut()
        .insert("authorization", "Bearer right".parse().unwrap());
    let answered = site.send(keyed).await;
    assert_eq!(answered.error(), (503, "keys_unavailable".to_owned()));
    assert!(!answered.body.contains("fire"), "{}", answered.body);
}

#[tokio::test]
async fn keys_are_remembered_for_five_seconds_at_most() {
    let site = site(vec![]);
    let with_key = async || {
        let mut keyed = request(Method::GET, "/v1/models", Body::empty());
        keyed
            .headers_mut()
            .insert("authorization", "Bearer right".parse().unwrap());
        site.send(keyed).await.status.as_u16()
    };
    assert_eq!(site.fetch("/v1/models").await.status, 200);
    site.keys.add("right", &[Scope::Chat]);
    assert_eq!(with_key().await, 200);
    site.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(site.fetch("/v1/models").await.status, 401);
    site.keys.keys.lock().unwrap()[0].0.clear();
    site.clock.advance(std::time::Duration::from_millis(2_999));
    assert_eq!(with_key().await, 200);
    site.clock.advance(std::time::Duration::from_millis(1));
    assert_eq!(with_key().await, 401);
}

#[tokio::test]
async fn the_health_checks_need_no_key() {
    let site = site_with(vec![], Err("the database does not answer".to_owned()));
    site.keys.add("right", &[Scope::Chat]);
    assert_eq!(site.fetch("/healthz").await.body, "ok\n");
    assert_eq!(site.fetch("/readyz").await.error(), (503, "not_ready".to_owned()));
    assert_eq!(super::site(vec![]).fetch("/readyz").await.status, 200);
    // What is not there is not told to strangers either.
    assert_eq!(site.fetch("/v1/secret").await.status, 401);
}

#[tokio::test]
async fn an_answer_that_lasts_ends_with_its_key() {
    let (keys, clock) = (Arc::new(HeldKeys::default()), Fixed::at(Millis(1_795_168_000_000)));
    let door = Door::new(keys.clone(), Arc::new(clock.clone()));
    let peer: SocketAddr = HERE.parse().unwrap();
    let of_page = request(Method::GET, "/v1/jarvis/events", Body::empty());
    let mut with_key = request(Method::GET, "/v1/jarvis/events", Body::empty());
    with_key
        .headers_mut()
        .insert("authorization", "Bearer right".parse().unwrap());
    let admitted = async || {
        clock.advance(std::time::Duration::from_secs(5));
        let admits = async |request: &Request<Body>| {
            let (uri, headers) = (request.uri(), request.headers());
            door.still_admits(Some(peer), uri, headers).await
        };
        (admits(&of_page).await, admits(&with_key).await)
    };
    assert_eq!(admitted().await, (true, true));
    // The first key closes the door to whoever has none.
    keys.add("right", &[Scope::Ops]);
    assert_eq!(admitted().await, (false, true));
    *keys.broken.lock().unwrap() = true;
    assert_eq!(admitted().await, (true, true));
    *keys.broken.lock().unwrap() = false;
    keys.keys.lock().unwrap()[0].0.clear();
    assert_eq!(admitted().await, (false, false));
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let site = site(vec![]);
    let made = site.fetch("/v1/models").await;
    assert_eq!(made.headers["x-request-id"].len(), 36);
    let mut given = request(Method::GET, "/v1/nothing", Body::empty());
    given.headers_mut().insert("x-request-id", "mine".parse().unwrap());
    assert_eq!(site.send(given).await.headers["x-request-id"], "mine");
}
