"""Access: every visitor on every route, one-time links, cookies, headers and foreign requests."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from monitor import access
from monitor.access import Role
from monitor.dashboard import request
from monitor.dashboard.app import HEADERS
from monitor.dashboard.layout.assets import assets
from monitor.dashboard.policy import allow, allowed
from monitor.errors import StoreError
from tests.monitor import practices
from tests.monitor.dashboard_pages import DashboardPages, client_with_cookie, csrf_token_of, session_cookie, use_link
from tests.monitor.practices import WrittenPractice

VISITORS = ("nobody", "ana", "ben", "director")
# The status for each visitor, by endpoint. Forms are sent without a token, so 400 means that access itself was allowed.
EXPECTED_STATUS = {
    "auth.home": (401, 303, 303, 303),
    "auth.link": (401, 401, 401, 401),
    "auth.sign_in": (400, 400, 400, 400),
    "auth.sign_out": (400, 400, 400, 400),
    "week.this_week": (401, 200, 200, 404),
    "week.week": (401, 200, 200, 404),
    "week.answer": (401, 400, 400, 404),
    "patterns.overview": (401, 200, 200, 404),
    "patterns.answer": (401, 400, 400, 404),
    "patterns.undo": (401, 400, 400, 404),
    "patterns.add_entry": (401, 400, 400, 404),
    "patterns.remove_entry": (401, 400, 400, 404),
    "clients.client_list": (401, 200, 200, 404),
    "clients.client_page": (401, 200, 404, 404),
    "clients.save": (401, 400, 400, 404),
    "clients.not_a_client": (401, 400, 400, 404),
    "clients.take_back": (401, 400, 400, 404),
    "clients.join": (401, 400, 400, 404),
    "clients.separate": (401, 400, 400, 404),
    "clients.keep_apart": (401, 400, 400, 404),
    "agreements.agreement_list": (401, 200, 200, 404),
    "agreements.agreement_page": (401, 200, 404, 404),
    "agreements.save": (401, 400, 400, 404),
    "agreements.mark_reviewed": (401, 400, 400, 404),
    "agreements.set_emergency": (401, 400, 400, 404),
    "check_in.overview": (401, 200, 200, 404),
    "check_in.save": (401, 400, 400, 404),
    "check_in.remove": (401, 400, 400, 404),
    "data.shared": (401, 200, 200, 404),
    "data.open_slots": (401, 400, 400, 404),
    "accounts.overview": (401, 200, 200, 404),
    "accounts.start_google": (401, 400, 400, 404),
    "accounts.complete_google": (401, 400, 400, 404),
    "accounts.agree": (401, 400, 400, 404),
    "accounts.withdraw": (401, 400, 400, 404),
    "practice.caseload": (401, 404, 404, 200),
    "practice.caseload_csv": (401, 404, 404, 200),
    "help.definitions": (401, 200, 200, 200),
    "assets.asset": (200, 200, 200, 200),
}


def visitor(pages: DashboardPages, name: str) -> FlaskClient:
    return pages.anonymous() if name == "nobody" else pages.signed_in(name)


def routes(pages: DashboardPages, practice: WrittenPractice) -> list[tuple[str, str, str]]:
    """Return endpoint, method and address of every route."""
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
        "provider": "google",
    }
    urls = pages.app.url_map.bind("127.0.0.1")
    return [
        (rule.endpoint, method, urls.build(rule.endpoint, {key: values[key] for key in rule.arguments}))
        for rule in pages.app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_visitor_on_every_route(pages: DashboardPages, practice: WrittenPractice) -> None:
    all_routes = routes(pages, practice)
    visitors = {name: visitor(pages, name) for name in VISITORS}

    statuses = {
        endpoint: tuple(client.open(address, method=method).status_code for client in visitors.values())
        for endpoint, method, address in all_routes
    }

    assert statuses == EXPECTED_STATUS


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_no_http_method_opens_a_private_page(pages: DashboardPages, practice: WrittenPractice, method: str) -> None:
    private = [
        address
        for endpoint, _, address in routes(pages, practice)
        if not endpoint.startswith(("auth.link", "auth.sign", "assets"))
    ]

    assert {pages.anonymous().open(address, method=method).status_code for address in private} <= {401, 405}


def test_every_view_declares_who_may_open_it(pages: DashboardPages) -> None:
    assert [name for name, view in pages.app.view_functions.items() if not allowed(view)] == []


def test_a_view_without_a_policy_is_closed_to_everybody(pages: DashboardPages) -> None:
    pages.app.add_url_rule("/open", "forgotten", lambda: "numbers")

    assert {visitor(pages, name).get("/open").status_code for name in VISITORS} == {403}


def test_a_view_for_anybody_does_not_open_the_store(pages: DashboardPages) -> None:
    pages.app.add_url_rule("/open", "open", allow(Role.ANYBODY)(lambda: "words"))
    pages.config.database.unlink()

    assert pages.anonymous().get("/open").text == "words"


def test_a_notice_is_answered_by_its_owner_alone(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana, ben = pages.signed_in("ana"), pages.signed_in("ben")

    def answer_status(client: FlaskClient, notice: int) -> int:
        form = {"answer": "planned", "csrf_token": csrf_token_of(client.get("/me/"))}
        return client.post(f"/me/week/2026-W46/notices/{notice}", data=form).status_code

    assert [answer_status(ana, practice.notice), answer_status(ben, practice.bens_notice)] == [303, 303]
    assert [answer_status(ana, practice.bens_notice), answer_status(ben, practice.notice)] == [404, 404]


# Signing in and out


def test_a_link_signs_in_once(pages: DashboardPages) -> None:
    link, client, late = pages.sign_in_link("ana"), pages.anonymous(), pages.anonymous()
    token = csrf_token_of(late.get(link))

    assert use_link(client, link).status_code == 303
    assert client.get("/", follow_redirects=True).status_code == 200
    assert late.get(link).status_code == 401
    assert late.post(link, data={"csrf_token": token}).status_code == 401


def test_a_link_expires_after_a_quarter_of_an_hour(pages: DashboardPages) -> None:
    first, second, client = pages.sign_in_link("ana"), pages.sign_in_link("ana"), pages.anonymous()
    token = csrf_token_of(client.get(second))

    pages.clock.advance(minutes=15)
    assert use_link(pages.anonymous(), first).status_code == 303
    pages.clock.advance(seconds=1)
    assert client.get(second).status_code == 401
    assert client.post(second, data={"csrf_token": token}).status_code == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_opening_a_link_does_not_use_it_up_and_writes_nothing(pages: DashboardPages, method: str) -> None:
    link, ana = pages.sign_in_link("ana"), pages.signed_in("ana")
    before = pages.store.connection.execute("PRAGMA data_version").fetchone()

    for client in (pages.anonymous(), pages.anonymous(), ana):
        for request_headers in ({}, {"Sec-Purpose": "prefetch;prerender"}, {"User-Agent": "a scanner of links"}):
            assert client.open(link, method=method, headers=request_headers).status_code == 200

    assert pages.store.connection.execute("PRAGMA data_version").fetchone() == before
    assert ana.get("/me/").status_code == 200
    assert use_link(pages.anonymous(), link).status_code == 303


def test_the_page_of_a_link_names_whose_pages_it_opens_and_who_is_signed_out(pages: DashboardPages) -> None:
    stranger, ben = pages.anonymous(), pages.signed_in("ben")

    page = stranger.get(pages.sign_in_link("ana")).text
    assert '<button class="main">Open Ana’s pages</button>' in page
    assert "For whoever holds this link" in page
    page = ben.get(pages.sign_in_link("director")).text
    assert "Open the director’s pages" in page
    assert "You are reading as =Ben" in page
    assert "You are signed in as =Ben; opening the pages signs you out." in page


def test_the_button_of_a_link_belongs_to_the_browser_that_shows_it(pages: DashboardPages) -> None:
    link, somebody, ben = pages.sign_in_link("ana"), pages.anonymous(), pages.signed_in("ben")
    their_token = csrf_token_of(somebody.get(link))

    assert ben.post(link).status_code == 400
    assert ben.post(link, data={"csrf_token": their_token}).status_code == 400
    assert ben.post(link, data={"csrf_token": csrf_token_of(ben.get("/me/"))}).status_code == 400
    assert ben.get("/me/").status_code == 200
    assert use_link(pages.anonymous(), link).status_code == 303


def test_a_link_from_a_mail_leaves_the_session_alone_until_the_button_ends_it(pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")
    earlier_token, link = session_cookie(ana), pages.sign_in_link("director")
    from_elsewhere = pages.anonymous()  # browsers send no strict cookie when a link on another site is followed

    page = from_elsewhere.get(link)
    assert [line.partition("=")[0] for line in page.headers.getlist("Set-Cookie")] == ["evenhours-sign-in"]
    assert f"Path={pages.root}/sign-in" in page.headers["Set-Cookie"].split("; ")
    sign_in_token = page.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    ana.set_cookie("evenhours-sign-in", sign_in_token, path=f"{pages.root}/sign-in")
    assert ana.get("/me/").status_code == 200

    assert ana.post(link, data={"csrf_token": csrf_token_of(page)}).status_code == 303

    assert ana.get("/practice/").status_code == 200
    assert client_with_cookie(pages, earlier_token).get("/help").status_code == 401
    assert ana.get_cookie("evenhours-sign-in", path=f"{pages.root}/sign-in") is None


def test_a_cookie_that_somebody_else_set_never_becomes_a_session(pages: DashboardPages) -> None:
    victim = client_with_cookie(pages, "chosen by somebody else")
    victim.set_cookie("evenhours-sign-in", "chosen, too", path=f"{pages.root}/sign-in")

    assert use_link(victim, pages.sign_in_link("ana")).status_code == 303

    assert session_cookie(victim) != "chosen by somebody else"
    assert client_with_cookie(pages, "chosen by somebody else").get("/me/").status_code == 401
    assert client_with_cookie(pages, "chosen, too").get("/me/").status_code == 401


def test_an_error_at_a_link_logs_the_rule_and_not_the_token(
    pages: DashboardPages, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    link = pages.sign_in_link("ana")

    def broken(*_: object) -> None:
        raise RuntimeError("ZEBRA")

    monkeypatch.setattr(access, "reader_of_link", broken)

    assert pages.anonymous().get(link).status_code == 500
    assert "ZEBRA" in caplog.text
    assert "/sign-in/<token>" in caplog.text
    assert link.rpartition("/")[2] not in caplog.text


def test_a_cookie_set_by_another_port_does_not_replace_ours(pages: DashboardPages) -> None:
    token, browser = session_cookie(pages.signed_in("ana")), pages.app.test_client(use_cookies=False)
    browser.environ_base["HTTP_COOKIE"] = f"evenhours={token}; evenhours=somebody-elses"  # the longer path comes first

    assert "You are reading as Ana" in browser.get("/me/").text


def test_the_token_of_a_link_is_on_no_page_and_in_no_header(pages: DashboardPages) -> None:
    link, client = pages.sign_in_link("ana"), pages.anonymous()
    secret = link.rpartition("/")[2]

    page = client.get(link)
    assert secret not in page.text
    assert secret not in str(page.headers)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    redirect = client.post(link, data={"csrf_token": csrf_token_of(page)})
    assert redirect.headers["Location"] == f"{pages.root}/"
    assert secret not in redirect.text + str(redirect.headers)


def test_signing_in_gives_a_new_cookie_and_ends_the_session_before(pages: DashboardPages) -> None:
    client = pages.signed_in("ana")
    earlier_token = session_cookie(client)

    use_link(client, pages.sign_in_link("director"))

    assert session_cookie(client) != earlier_token
    assert client.get("/practice/").status_code == 200
    assert client_with_cookie(pages, earlier_token).get("/me/").status_code == 401


def test_a_cookie_is_worth_nothing_after_signing_out(pages: DashboardPages) -> None:
    client = pages.signed_in("ana")
    stolen_token = session_cookie(client)
    assert client_with_cookie(pages, stolen_token).get("/me/").status_code == 200

    assert client.post("/sign-out", data={"csrf_token": csrf_token_of(client.get("/me/"))}).status_code == 200

    assert client.get_cookie("evenhours", path=pages.root) is None
    assert client_with_cookie(pages, stolen_token).get("/me/").status_code == 401


def test_a_cookie_that_was_changed_is_worth_nothing(pages: DashboardPages) -> None:
    own_token, thief = session_cookie(pages.signed_in("ana")), pages.app.test_client(use_cookies=False)

    def status_with(token: str) -> int:
        return thief.get("/help", headers={"Cookie": f"evenhours={token}"}).status_code

    changed_tokens = (f"{own_token}x", own_token[:-1], own_token.swapcase(), "", "\xff\xfe", '"\\377"', "x" * 5000)
    assert {status_with(token) for token in changed_tokens} == {401}
    assert status_with(own_token) == 200


def test_a_session_ends_after_a_quarter_of_an_hour_without_use(pages: DashboardPages) -> None:
    client = pages.signed_in("ana")

    pages.clock.advance(minutes=14)
    assert client.get("/help").status_code == 200
    pages.clock.advance(minutes=14)
    assert client.get("/help").status_code == 200
    pages.clock.advance(minutes=15)
    assert client.get("/help").status_code == 401


def test_a_session_ends_after_twelve_hours_of_use(pages: DashboardPages) -> None:
    client = pages.signed_in("director")

    for _ in range(71):
        pages.clock.advance(minutes=10)
        assert client.get("/help").status_code == 200
    pages.clock.advance(minutes=10)
    assert client.get("/help").status_code == 401


def test_a_page_seen_twice_in_a_minute_writes_nothing(pages: DashboardPages) -> None:
    client = pages.signed_in("ana")
    before = pages.store.connection.execute("PRAGMA data_version").fetchone()

    pages.clock.advance(seconds=59)
    client.get("/help")

    assert pages.store.connection.execute("PRAGMA data_version").fetchone() == before


def test_a_clinician_removed_from_the_configuration_is_signed_out(practice: WrittenPractice) -> None:
    with DashboardPages(practice.config) as pages:
        token = session_cookie(pages.signed_in("ana"))
    config_without_ana = replace(practice.config, clinicians=practice.config.clinicians[1:])

    with DashboardPages(config_without_ana) as pages:
        assert client_with_cookie(pages, token).get("/me/").status_code == 401


def test_the_cookie_stays_on_this_site_and_out_of_scripts(pages: DashboardPages) -> None:
    client, link = pages.anonymous(), pages.sign_in_link("ana")
    page = client.get(link)
    set_cookies = client.post(link, data={"csrf_token": csrf_token_of(page)}).headers.getlist("Set-Cookie")

    assert set_cookies[0].startswith("evenhours=")
    assert {"HttpOnly", "SameSite=Strict", f"Path={pages.root}"} <= set(set_cookies[0].split("; "))
    assert {"HttpOnly", "SameSite=Strict"} <= set(page.headers["Set-Cookie"].split("; "))
    assert "Expires" not in set_cookies[0] + page.headers["Set-Cookie"]


def test_over_tls_the_cookie_is_bound_to_the_host(pages: DashboardPages) -> None:
    from monitor.dashboard.app import create_app

    client = create_app(pages.config, pages.clock, https=True).test_client()
    link, over_tls = pages.sign_in_link("ana"), {"base_url": "https://localhost"}
    page = client.get(link, **over_tls)
    set_cookies = client.post(link, data={"csrf_token": csrf_token_of(page)}, **over_tls).headers.getlist("Set-Cookie")

    assert set_cookies[0].startswith("__Host-evenhours=")
    assert page.headers["Set-Cookie"].startswith("__Host-evenhours-sign-in=")
    for cookie_line in (*set_cookies, page.headers["Set-Cookie"]):
        assert {"Secure", "Path=/"} <= set(cookie_line.split("; "))
        assert "Domain" not in cookie_line
    assert client.get("/", **over_tls, follow_redirects=True).request.path == "/me/"


# The cookie contains a token, the server everything else


def test_a_message_is_stored_with_the_session_and_shown_once(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana = pages.signed_in("ana")
    before, other = session_cookie(ana), client_with_cookie(pages, session_cookie(ana))
    form = {"csrf_token": csrf_token_of(ana.get("/me/")), "trauma": "yes", "standing": "client", "from": "2026-11-01"}

    answer = ana.post(f"/me/clients/{practice.client}", data=form)
    (stored_messages,) = pages.store.connection.execute("SELECT messages FROM web_session").fetchone()

    assert "Set-Cookie" not in answer.headers
    assert session_cookie(ana) == before
    assert json.loads(stored_messages) == ["Saved: The work is trauma-focused."]
    assert ana.head("/help").status_code == 200
    assert "Saved: The work is trauma-focused." in ana.get("/help").text
    assert "Saved: The work is trauma-focused." not in other.get("/help").text
    assert pages.store.connection.execute("SELECT messages FROM web_session").fetchone() == ("[]",)


@pytest.mark.parametrize("ends", ["signing out", "another link", "time"])
def test_a_message_ends_with_its_session(pages: DashboardPages, practice: WrittenPractice, ends: str) -> None:
    ana = pages.signed_in("ana")
    token = csrf_token_of(ana.get("/me/"))
    ana.post(f"/me/clients/{practice.client}/not-a-client", data={"csrf_token": token})
    match ends:
        case "signing out":
            ana.post("/sign-out", data={"csrf_token": token})
        case "another link":
            use_link(ana, pages.sign_in_link("ana"))
        case "time":
            pages.clock.advance(minutes=16)
            ana.get("/me/")

    again = ana if ends == "another link" else pages.signed_in("ana")
    assert "Saved:" not in again.get("/me/").text
    assert pages.store.connection.execute("SELECT messages FROM web_session").fetchall() == [("[]",)]


def test_the_message_of_a_write_that_was_rolled_back_is_not_shown(
    pages: DashboardPages, practice: WrittenPractice, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, flash = pages.signed_in("ana"), request.flash
    form = {"answer": "planned", "csrf_token": csrf_token_of(ana.get("/me/"))}

    def flash_on_a_full_disk(message: str) -> None:
        flash(message)
        raise StoreError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(request, "flash", flash_on_a_full_disk)
        answer = ana.post(f"/me/week/2026-W46/notices/{practice.notice}", data=form)

    assert answer.status_code == 503
    assert "Nothing was changed." in answer.text
    assert "Your answer" not in ana.get("/me/").text


def test_no_view_but_signing_out_sets_a_cookie(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana = pages.signed_in("ana")

    for endpoint, method, address in routes(pages, practice):
        if endpoint != "auth.sign_out":
            form = {"csrf_token": csrf_token_of(ana.get("/help"))} if method == "POST" else None
            assert "Set-Cookie" not in ana.open(address, method=method, data=form).headers
    assert re.fullmatch(r"[\w-]{43}", session_cookie(ana))


# The path of a practice


def test_the_path_of_a_practice_stays_and_is_its_own(pages: DashboardPages, tmp_path: Path) -> None:
    another = tmp_path / "another"
    another.mkdir()

    assert re.fullmatch(r"/[0-9a-f]{24}", pages.root)
    with DashboardPages(pages.config) as later, DashboardPages(practices.empty_practice(another)) as others:
        assert later.root == pages.root
        assert others.root != pages.root


@pytest.mark.parametrize("path", ["/", "/me/", "/sign-in/x", "/static/0/evenhours.css", "/favicon.ico", "/{root}x/me/"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "BREW"])
def test_another_path_answers_404_and_nothing_else(pages: DashboardPages, method: str, path: str) -> None:
    token, thief = session_cookie(pages.signed_in("ana")), pages.app.test_client(use_cookies=False)
    thief.environ_base.update(HTTP_COOKIE=f"evenhours={token}")
    assert thief.get(f"{pages.root}/me/", base_url="http://127.0.0.1:8137").status_code == 200

    answer = thief.open(path.format(root=pages.root[1:]), method=method, base_url="http://127.0.0.1:8137")

    assert answer.status_code == 404
    assert pages.root[1:] not in answer.text + str(answer.headers)
    assert "Ana" not in answer.text
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_every_link_on_a_page_lies_below_the_path(pages: DashboardPages, practice: WrittenPractice) -> None:
    for name in VISITORS:
        client = visitor(pages, name)
        for _, method, address in routes(pages, practice):
            if method == "GET" and "/static/" not in address:
                text = client.get(address).text
                addresses = re.findall(r'(?:href|action|src)="([^"]*)"', text)
                own_addresses = [url for url in addresses if not url.startswith(("#", "data:", "https://"))]
                assert [url for url in own_addresses if not url.startswith(f"{pages.root}/")] == []


def test_no_title_and_no_address_names_a_client(pages: DashboardPages, practice: WrittenPractice) -> None:
    ana = pages.signed_in("ana")
    name = html.unescape(re.findall("<h1>(.*?)</h1>", ana.get(f"/me/clients/{practice.client}").text)[0])
    code = name.rpartition("· ")[2]
    assert re.fullmatch("[A-Z0-9]{4}", code)

    for endpoint, method, address in routes(pages, practice):
        assert code not in address
        if method == "GET" and endpoint != "assets.asset":
            page = ana.get(address).text
            titles = re.findall("<title>(.*?)</title>", page.partition("<body>")[0])
            assert len(titles) == (0 if endpoint == "auth.home" and "Redirecting" in titles else 1)
            assert not [title for title in titles if code in title or "Thursdays" in title]
    assert "<title>One client · Evenhours</title>" in ana.get(f"/me/clients/{practice.client}").text
    assert "<title>What was agreed · Evenhours</title>" in ana.get(f"/me/agreements/{practice.client}").text


def test_every_page_names_its_reader(pages: DashboardPages, practice: WrittenPractice) -> None:
    reads = {
        "nobody": "You are not signed in",
        "ana": "You are reading as Ana",
        "ben": "You are reading as =Ben",
        "director": "You are reading as the director",
    }
    for name in VISITORS:
        client = visitor(pages, name)
        for endpoint, method, address in routes(pages, practice):
            answer = client.open(address, method=method)
            if answer.mimetype == "text/html" and answer.status_code not in {302, 303}:
                assert re.findall('<p class="reader">(.*?)</p>', answer.text) == [reads[name]], (name, endpoint)


# Headers


def test_every_response_has_the_headers(pages: DashboardPages, practice: WrittenPractice) -> None:
    all_routes, nobody = routes(pages, practice), pages.anonymous()
    clients = [visitor(pages, name) for name in VISITORS]
    methods = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "BREW")
    addresses = sorted({address for _, _, address in all_routes})
    answers = [client.open(address, method=method) for client in clients for address in addresses for method in methods]
    answers += [nobody.get("/nowhere"), nobody.put("/me/"), nobody.get("/", headers={"Host": "evil.example"})]

    for name, value in HEADERS.items():
        values = {answer.headers.get(name) for answer in answers if "/static/" not in answer.request.path}
        assert values == {value}
    assert all(answer.headers.get("Content-Security-Policy") for answer in answers)


def test_the_content_security_policy_has_no_exception() -> None:
    policy = HEADERS["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "script" not in policy
    assert "http" not in policy


def test_browsers_may_cache_the_assets(pages: DashboardPages) -> None:
    answer = pages.anonymous().get(assets().address("fonts/inter-latin-400-normal.woff2"))

    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "font/woff2"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e/%2e%2e/app.py", "/etc/passwd", "", "evenhours.css/x", "fonts"])
def test_nothing_but_the_assets_lies_below_static(pages: DashboardPages, name: str) -> None:
    assert pages.anonymous().get(f"/static/{assets().version}/{name}", follow_redirects=True).status_code == 404


def test_an_older_versions_assets_are_gone(pages: DashboardPages) -> None:
    assert pages.anonymous().get("/static/0/evenhours.css").status_code == 404


# Requests from elsewhere


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", ""]
)
def test_a_foreign_host_is_refused(pages: DashboardPages, host: str) -> None:
    answer = pages.signed_in("ana").get("/me/", headers={"Host": host})

    assert answer.status_code == 400
    assert "Ana" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8137", "localhost:8137", "localhost"])
def test_this_machine_is_known_under_its_own_names(pages: DashboardPages, host: str) -> None:
    assert pages.anonymous().get("/", headers={"Host": host}).status_code == 401


@pytest.mark.parametrize("token", [None, "", "x", "somebody else's"])
def test_a_form_without_this_sessions_token_changes_nothing(
    pages: DashboardPages, practice: WrittenPractice, token: str | None
) -> None:
    ana = pages.signed_in("ana")
    if token == "somebody else's":
        token = csrf_token_of(pages.signed_in("ben").get("/me/"))
    form = {"answer": "planned"} if token is None else {"answer": "planned", "csrf_token": token}

    assert ana.post(f"/me/week/2026-W46/notices/{practice.notice}", data=form).status_code == 400
    assert ana.post("/sign-out", data=form).status_code == 400
    assert "Your answer:" not in ana.get("/me/").text


@pytest.mark.parametrize("next_page", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"])
def test_no_parameter_leads_elsewhere(pages: DashboardPages, practice: WrittenPractice, next_page: str) -> None:
    ana = pages.anonymous()
    link = pages.sign_in_link("ana")
    form = {"next": next_page, "csrf_token": csrf_token_of(ana.get(link, query_string={"next": next_page}))}
    moved = [ana.post(link, query_string={"next": next_page}, data=form)]
    moved.append(ana.get("/", query_string={"next": next_page}))
    form = {"answer": "noted", "next": next_page, "csrf_token": csrf_token_of(ana.get("/me/"))}
    moved.append(ana.post(f"/me/week/2026-W46/notices/{practice.notice}?next={next_page}", data=form))

    assert [answer.headers["Location"].removeprefix(pages.root) for answer in moved] == ["/", "/me/", "/me/"]


def test_a_form_that_is_too_large_is_refused(pages: DashboardPages) -> None:
    ana = pages.signed_in("ana")

    assert ana.post("/sign-out", data={"csrf_token": "x" * 20_000}).status_code in {400, 413}
