"""Who may open what: every visitor, every route, whatever is not declared being closed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from monitor.access import Role
from monitor.dashboard.assets import assets
from monitor.dashboard.headers import HEADERS
from monitor.dashboard.policy import allow, allowed
from tests.monitor.practices import Written
from tests.monitor.visitors import Pages, bearer, cookie, token_on

VISITORS = ("nobody", "ana", "ben", "director")
# Endpoint -> what each visitor is answered, without a form's token: 400 says that only the token was missing.
ANSWERED = {
    "door.home": (401, 303, 303, 303),
    "door.sign_in": (401, 401, 401, 401),
    "door.sign_out": (400, 400, 400, 400),
    "me.this_week": (401, 200, 200, 404),
    "me.week": (401, 200, 200, 404),
    "me.answer": (401, 400, 400, 404),
    "patterns.page": (401, 200, 200, 404),
    "patterns.answer": (401, 400, 400, 404),
    "patterns.undo": (401, 400, 400, 404),
    "patterns.enter": (401, 400, 400, 404),
    "patterns.strike": (401, 400, 400, 404),
    "clients.everybody": (401, 200, 200, 404),
    "clients.one": (401, 200, 404, 404),
    "clients.say": (401, 400, 400, 404),
    "clients.not_a_client": (401, 400, 400, 404),
    "clients.take_back": (401, 400, 400, 404),
    "clients.join": (401, 400, 400, 404),
    "clients.separate": (401, 400, 400, 404),
    "clients.apart": (401, 400, 400, 404),
    "agreements.everybody": (401, 200, 200, 404),
    "agreements.one": (401, 200, 404, 404),
    "agreements.say": (401, 400, 400, 404),
    "agreements.reviewed": (401, 400, 400, 404),
    "agreements.emergency": (401, 400, 400, 404),
    "check_in.page": (401, 200, 200, 404),
    "check_in.keep": (401, 400, 400, 404),
    "check_in.remove": (401, 400, 400, 404),
    "data.shared": (401, 200, 200, 404),
    "data.open_slots": (401, 400, 400, 404),
    "accounts.everything": (401, 200, 200, 404),
    "accounts.begin": (401, 400, 400, 404),
    "accounts.answer": (401, 400, 400, 404),
    "accounts.agree": (401, 400, 400, 404),
    "practice.caseload": (401, 404, 404, 200),
    "practice.caseload_csv": (401, 404, 404, 200),
    "help.definitions": (401, 200, 200, 200),
    "assets.asset": (200, 200, 200, 200),
}


def visitor(pages: Pages, name: str) -> FlaskClient:
    return pages.stranger() if name == "nobody" else pages.signed_in(name)


def routes(pages: Pages, practice: Written) -> list[tuple[str, str, str]]:
    """(endpoint, method, address) of everything that the pages answer."""
    values = {
        "token": "x" * 43,
        "week": "2026-W46",
        "notice": practice.notice,
        "version": assets().version,
        "name": "evenhours.css",
        "key": "single",
        "day": "2026-11-01",
        "client": practice.client,
        "entry": 1,
    }
    urls = pages.app.url_map.bind("127.0.0.1")
    return [
        (rule.endpoint, method, urls.build(rule.endpoint, {key: values[key] for key in rule.arguments}))
        for rule in pages.app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_visitor_on_every_route(pages: Pages, practice: Written) -> None:
    asked = routes(pages, practice)
    visitors = {name: visitor(pages, name) for name in VISITORS}

    found = {
        endpoint: tuple(client.open(address, method=method).status_code for client in visitors.values())
        for endpoint, method, address in asked
    }

    assert found == ANSWERED


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_no_method_opens_what_another_closes(pages: Pages, practice: Written, method: str) -> None:
    private = [
        address for endpoint, _, address in routes(pages, practice) if not endpoint.startswith(("door.sign", "assets"))
    ]

    assert {pages.stranger().open(address, method=method).status_code for address in private} <= {401, 405}


def test_everything_that_is_routed_says_who_may_open_it(pages: Pages) -> None:
    assert [name for name, view in pages.app.view_functions.items() if not allowed(view)] == []


def test_a_view_without_a_policy_is_closed_to_everybody(pages: Pages) -> None:
    pages.app.add_url_rule("/open", "forgotten", lambda: "numbers")

    assert {visitor(pages, name).get("/open").status_code for name in VISITORS} == {403}


def test_a_view_for_anybody_asks_the_store_nothing(pages: Pages) -> None:
    pages.app.add_url_rule("/open", "open", allow(Role.ANYBODY)(lambda: "words"))
    pages.config.database.unlink()

    assert pages.stranger().get("/open").text == "words"


def test_a_notice_is_answered_by_its_owner_alone(pages: Pages, practice: Written) -> None:
    ana, ben = pages.signed_in("ana"), pages.signed_in("ben")

    def answered(client: FlaskClient, notice: int) -> int:
        form = {"answer": "planned", "csrf_token": token_on(client.get("/me/"))}
        return client.post(f"/me/week/2026-W46/notices/{notice}", data=form).status_code

    assert [answered(ana, practice.notice), answered(ben, practice.bens_notice)] == [303, 303]
    assert [answered(ana, practice.bens_notice), answered(ben, practice.notice)] == [404, 404]


# In, and out again


def test_a_link_signs_in_once(pages: Pages) -> None:
    link = pages.link("ana")

    assert pages.stranger().get(link, follow_redirects=True).status_code == 200
    assert pages.stranger().get(link).status_code == 401


def test_a_link_waits_for_a_quarter_of_an_hour(pages: Pages) -> None:
    first, second = pages.link("ana"), pages.link("ana")

    pages.clock.passes(minutes=15)
    assert pages.stranger().get(first).status_code == 303
    pages.clock.passes(seconds=1)
    assert pages.stranger().get(second).status_code == 401


def test_what_only_looks_at_a_link_does_not_use_it_up(pages: Pages) -> None:
    link, curious = pages.link("ana"), pages.stranger()

    assert curious.head(link).status_code == 204
    assert curious.get(link, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 204
    assert pages.stranger().get(link).status_code == 303


def test_signing_in_gives_a_new_cookie_and_ends_the_session_before(pages: Pages) -> None:
    client = pages.signed_in("ana")
    before = cookie(client)

    client.get(pages.link("director"))

    assert cookie(client) != before
    assert client.get("/practice/").status_code == 200
    assert bearer(pages, before).get("/me/").status_code == 401


def test_a_cookie_is_worth_nothing_after_signing_out(pages: Pages) -> None:
    client = pages.signed_in("ana")
    stolen = cookie(client)
    assert bearer(pages, stolen).get("/me/").status_code == 200

    assert client.post("/sign-out", data={"csrf_token": token_on(client.get("/me/"))}).status_code == 200

    assert client.get_cookie("evenhours") is None
    assert bearer(pages, stolen).get("/me/").status_code == 401


def test_a_cookie_that_was_changed_is_worth_nothing(pages: Pages) -> None:
    content, _, signature = cookie(pages.signed_in("ana")).partition(".")

    assert bearer(pages, f"{content}x.{signature}").get("/help").status_code == 401


def test_a_session_ends_after_a_quarter_of_an_hour_without_use(pages: Pages) -> None:
    client = pages.signed_in("ana")

    pages.clock.passes(minutes=14)
    assert client.get("/help").status_code == 200
    pages.clock.passes(minutes=14)
    assert client.get("/help").status_code == 200
    pages.clock.passes(minutes=15)
    assert client.get("/help").status_code == 401


def test_a_session_ends_after_twelve_hours_of_use(pages: Pages) -> None:
    client = pages.signed_in("director")

    for _ in range(71):
        pages.clock.passes(minutes=10)
        assert client.get("/help").status_code == 200
    pages.clock.passes(minutes=10)
    assert client.get("/help").status_code == 401


def test_a_page_seen_twice_in_a_minute_writes_nothing(pages: Pages) -> None:
    client = pages.signed_in("ana")
    before = pages.store.connection.execute("PRAGMA data_version").fetchone()

    pages.clock.passes(seconds=59)
    client.get("/help")

    assert pages.store.connection.execute("PRAGMA data_version").fetchone() == before


def test_whoever_has_left_the_configuration_is_out(practice: Written) -> None:
    with Pages(practice.config) as pages:
        held = cookie(pages.signed_in("ana"))
    left = replace(practice.config, clinicians=practice.config.clinicians[1:])

    with Pages(left) as pages:
        assert bearer(pages, held).get("/me/").status_code == 401


def test_the_cookie_stays_on_this_site_and_out_of_scripts(pages: Pages) -> None:
    told = pages.stranger().get(pages.link("ana")).headers["Set-Cookie"]

    assert told.startswith("evenhours=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(told.split("; "))
    assert "Expires" not in told


def test_over_tls_the_cookie_is_bound_to_the_host(pages: Pages) -> None:
    from monitor.dashboard.app import create_app

    secure = create_app(pages.config, pages.clock, https=True).test_client()
    told = secure.get(pages.link("ana"), base_url="https://localhost").headers["Set-Cookie"]

    assert told.startswith("__Host-evenhours=")
    assert "Secure" in told.split("; ")


# What every answer says


def test_every_answer_carries_the_headers(pages: Pages, practice: Written) -> None:
    asked, nobody = routes(pages, practice), pages.stranger()
    clients = [visitor(pages, name) for name in VISITORS]
    answers = [client.open(address, method=method) for client in clients for _, method, address in asked]
    answers += [nobody.get("/nowhere"), nobody.put("/me/"), nobody.get("/", headers={"Host": "evil.example"})]

    for name, value in HEADERS.items():
        found = {answer.headers.get(name) for answer in answers if "/static/" not in answer.request.path}
        assert found == {value}
    assert all(answer.headers.get("Content-Security-Policy") for answer in answers)


def test_the_policy_has_no_way_around_it() -> None:
    policy = HEADERS["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "script" not in policy
    assert "http" not in policy


def test_only_what_is_the_same_for_everybody_may_be_kept(pages: Pages) -> None:
    answer = pages.stranger().get(assets().address("fonts/inter-latin-400-normal.woff2"))

    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "font/woff2"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e/%2e%2e/app.py", "/etc/passwd", "", "evenhours.css/x", "fonts"])
def test_nothing_but_the_assets_lies_below_static(pages: Pages, name: str) -> None:
    assert pages.stranger().get(f"/static/{assets().version}/{name}", follow_redirects=True).status_code == 404


def test_an_older_versions_assets_are_gone(pages: Pages) -> None:
    assert pages.stranger().get("/static/0/evenhours.css").status_code == 404


# What comes from elsewhere


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", ""]
)
def test_a_foreign_host_is_refused(pages: Pages, host: str) -> None:
    answer = pages.signed_in("ana").get("/me/", headers={"Host": host})

    assert answer.status_code == 400
    assert "Ana" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8137", "localhost:8137", "localhost"])
def test_this_machine_is_known_under_its_own_names(pages: Pages, host: str) -> None:
    assert pages.stranger().get("/", headers={"Host": host}).status_code == 401


@pytest.mark.parametrize("token", [None, "", "x", "somebody else's"])
def test_a_form_without_this_sessions_token_changes_nothing(pages: Pages, practice: Written, token: str | None) -> None:
    ana = pages.signed_in("ana")
    if token == "somebody else's":
        token = token_on(pages.signed_in("ben").get("/me/"))
    form = {"answer": "planned"} if token is None else {"answer": "planned", "csrf_token": token}

    assert ana.post(f"/me/week/2026-W46/notices/{practice.notice}", data=form).status_code == 400
    assert ana.post("/sign-out", data=form).status_code == 400
    assert "Your answer:" not in ana.get("/me/").text


@pytest.mark.parametrize("next_page", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"])
def test_no_parameter_leads_elsewhere(pages: Pages, practice: Written, next_page: str) -> None:
    ana = pages.stranger()
    moved = [ana.get(pages.link("ana"), query_string={"next": next_page})]
    moved.append(ana.get("/", query_string={"next": next_page}))
    form = {"answer": "noted", "next": next_page, "csrf_token": token_on(ana.get("/me/"))}
    moved.append(ana.post(f"/me/week/2026-W46/notices/{practice.notice}?next={next_page}", data=form))

    assert [answer.headers["Location"] for answer in moved] == ["/", "/me/", "/me/"]


def test_a_form_beyond_measure_is_refused(pages: Pages) -> None:
    ana = pages.signed_in("ana")

    assert ana.post("/sign-out", data={"csrf_token": "x" * 20_000}).status_code in {400, 413}
