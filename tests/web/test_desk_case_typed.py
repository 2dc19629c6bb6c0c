"""The case page loses nothing: each of its buttons keeps what was typed for the others, and what stood open stays open."""

import sqlalchemy as sa

from app.messaging.models import OutboxMessage
from app.staff.models import Member
from app.staff.read_quotas import ReadCount
from app.tasks.models import Task
from tests.support.desk import ADDRESS, ONE, STORY, Page, StaffSite
from tests.web.test_desk_case import SERVICE, audited, refer_link

TYPED = {"text": "Письмо, ещё не отправлено", "note": "A note, half done", "other": "9ZZ-0000", "into": "8YY-1111"}
OWN = {"message": "text", "note": "note"}


def standing(page: Page, label: str) -> dict[str, str]:
    """The typed fields of the page, as the next button would send them."""
    fields = page.form(f"/desk/cases/{label}/typed")
    return {name: fields[name] for name in TYPED}


def test_each_button_keeps_what_was_typed_for_the_others(office: StaffSite) -> None:
    label, _receipt = office.file(needs=["asylum", "housing"])
    path = f"/desk/cases/{label}"
    browser = office.as_("vera")
    for action, given, status in (
        ("typed", {}, 200),
        ("take", {}, 200),
        ("insert", {"with": "saved=letter_date"}, 200),
        ("show", {}, 200),
        ("contact", {"purpose": "answer"}, 200),
        ("contact", {"purpose": "curiosity"}, 422),
        ("assign", {"member": ""}, 200),
        ("assign", {"member": "nobody"}, 422),
        ("snooze", {"until": "2026-11-26"}, 200),
        ("snooze", {"until": "once"}, 422),
        ("compare", {}, 200),
        ("message", {}, 200),
        ("note", {}, 200),
        ("needs/housing/end", {"end": "unmet"}, 200),
        ("household", {}, 422),
        ("merge", {"into": "8YY-1111"}, 422),
        ("close", {}, 422),
        ("undo", {}, 200),
    ):
        page = browser.get(path)
        if action == "undo":
            page = browser.get(browser.submit(page, f"{path}/snooze", until="2026-11-25").location)
        done = browser.submit(page, f"{path}/{action}", **{**TYPED, **given})
        assert done.status == status, (action, done.words()[:400])
        kept = {name: text for name, text in TYPED.items() if name != OWN.get(action)}
        found = standing(done, label)
        if action == "insert":
            assert found["text"].startswith(TYPED["text"] + "\n\n")
            kept.pop("text")
        assert {name: found[name] for name in kept} == kept, action
        if own := OWN.get(action):
            assert found[own] == "", action
    page = browser.get(path)
    assert standing(page, label) == dict.fromkeys(TYPED, ""), "nothing of it is stored"


def test_a_referral_is_looked_at_made_and_withdrawn_without_losing_a_word(office: StaffSite) -> None:
    label, _receipt = office.file()
    path = f"/desk/cases/{label}"
    browser = office.as_("vera")
    page = browser.submit(browser.get(path), f"{path}/show")
    look = browser.submit(page, f"{path}/refer/look", **{**TYPED, "with": f"service={SERVICE}"})
    back = browser.submit(look, f"{path}/typed")
    assert standing(back, label) == TYPED
    assert STORY in back.text, "the words were open, and are open again"
    page = browser.submit(look, f"{path}/refer", by_hand="yes")
    assert page.status == 200
    assert "The case has been offered." in page.words()
    assert standing(page, label) == TYPED
    referral = page.tree.css_first("article.referral").attributes["id"].removeprefix("r-")  # type: ignore[union-attr]
    page = browser.submit(page, f"{path}/referrals/{referral}/withdraw", reason="better_option")
    assert page.status == 200, page.words()
    assert standing(page, label) == TYPED
    assert refer_link(page, ONE)


def test_opening_the_contact_leaves_the_words_open_and_an_action_closes_neither(office: StaffSite) -> None:
    label, _receipt = office.file()
    path = f"/desk/cases/{label}"
    browser = office.as_("vera")
    page = browser.submit(browser.get(path), f"{path}/show")
    assert page.button(f"{path}/show") is None
    page = browser.submit(page, f"{path}/contact", purpose="answer")
    assert STORY in page.text
    assert ADDRESS in page.text
    page = browser.submit(page, f"{path}/note", note="Called: no answer")
    assert page.status == 200
    for part in (STORY, ADDRESS, "Called: no answer"):
        assert part in page.text
    assert browser.get(path).button(f"{path}/show").attributes["formaction"].endswith("#t-words")
    assert browser.get(path).button(f"{path}/contact").attributes["formaction"].endswith("#t-contact")


def test_the_same_case_again_within_an_hour_is_one_read_and_each_opening_is_audited(office: StaffSite) -> None:
    label, _receipt = office.file()
    path = f"/desk/cases/{label}"
    browser = office.as_("vera")

    def reads() -> int:
        with office.database.begin(write=False) as session:
            return session.scalar(sa.select(sa.func.sum(ReadCount.count))) or 0

    browser.submit(browser.get(path), f"{path}/show")
    browser.submit(browser.get(path), f"{path}/contact", purpose="answer")
    browser.submit(browser.get(path), f"{path}/show")
    assert reads() == 1
    assert len(audited(office, "case:words_opened") + audited(office, "case:contact_opened")) == 3
    other = office.as_("pavel")
    other.submit(other.get(path), f"{path}/show")
    assert reads() == 2, "what a colleague opens is the colleague's read"
    office.later(hours=1, minutes=1)
    browser = office.as_("vera")
    browser.submit(browser.get(path), f"{path}/show")
    assert reads() == 3
    another, _receipt = office.file()
    browser.submit(browser.get(f"/desk/cases/{another}"), f"/desk/cases/{another}/show")
    assert reads() == 4


def test_a_note_that_mentions_a_member_leaves_a_task_for_them(office: StaffSite) -> None:
    label, _receipt = office.file()
    path = f"/desk/cases/{label}"
    browser = office.as_("vera")
    refused = browser.submit(browser.get(path), f"{path}/note", note="@nobody please call", text="a message")
    assert refused.status == 422
    assert "Nobody of this team signs in as “nobody”" in refused.words()
    assert refused.tree.css_first("#e-note") is not None
    assert refused.form(f"{path}/note")["note"] == "@nobody please call"
    assert refused.form(f"{path}/note")["text"] == "a message"
    done = browser.submit(browser.get(path), f"{path}/note", note="@Pavel, write to x@example.org (cc @vera).")
    assert done.did("noted")
    with office.database.begin(write=False) as session:
        owners = session.scalars(
            sa.select(Member.name).join(Task, Task.owner_id == Member.id).where(Task.kind == "mention")
        ).all()
        assert owners == ["pavel"], "nobody needs a task to read their own note"
        told = session.scalars(
            sa.select(Member.name)
            .join(OutboxMessage, OutboxMessage.member_id == Member.id)
            .where(OutboxMessage.kind == "mention")
        ).all()
        assert told == ["pavel"]
    assert "A colleague mentions you in a note" in office.as_("pavel").get("/desk/tasks?whose=mine").words()


def test_a_team_writes_its_own_replies_and_adds_them_in_the_persons_language(office: StaffSite) -> None:
    label, _receipt = office.file(language="ru")
    path = f"/desk/cases/{label}"
    browser = office.as_("vera")
    page = browser.get("/desk/replies")
    refused = browser.submit(page, "/desk/replies", title="", text_ru="Мы ищем", text_en="We are looking")
    assert refused.status == 422
    assert refused.form("/desk/replies")["text_ru"] == "Мы ищем"
    typed = {"title": "Still looking", "text_ru": "Мы ещё ищем.", "text_en": "We are still looking."}
    assert browser.submit(page, "/desk/replies", **typed).did("reply_saved")
    assert browser.submit(page, "/desk/replies", **typed).status == 422, "a title is taken once"
    added = next(
        str(node.attributes["value"])
        for node in browser.get(path).tree.css('button[name="with"]')
        if node.text() == "Still looking"
    )
    page = browser.submit(browser.get(path), f"{path}/insert", text="Добрый день!", **{"with": added})
    assert page.form(f"{path}/message")["text"] == "Добрый день!\n\nМы ещё ищем."
    assert "We are still looking." in page.words(), "the coordinator reads what it says"
    assert office.case(label).version == 1, "nothing is sent or saved"
    assert "Still looking" not in office.as_("outsider").get("/desk/replies").text, "another team's"
    reply = added.removeprefix("saved=")
    assert browser.submit(browser.get("/desk/replies"), f"/desk/replies/{reply}/drop").did("reply_dropped")
    assert "Still looking" not in browser.get(path).text


def test_done_on_a_task_can_be_taken_back_on_the_case_and_in_the_list(office: StaffSite) -> None:
    label, _receipt = office.file()
    path = f"/desk/cases/{label}"
    browser, pavel = office.as_("vera"), office.as_("pavel")
    browser.submit(browser.get(path), f"{path}/note", note="@pavel look")
    with office.database.begin(write=False) as session:
        task = session.scalars(sa.select(Task).where(Task.kind == "mention")).one().id
    done = pavel.submit(pavel.get(path), f"/desk/tasks/{task}/done")
    page = pavel.get(done.location)
    assert pavel.submit(page, f"/desk/tasks/{task}/reopen").did("task_open")
    listed = pavel.submit(pavel.get("/desk/tasks"), f"/desk/tasks/{task}/done")
    page = pavel.get(listed.location)
    assert pavel.submit(page, f"/desk/tasks/{task}/reopen").did("task_open")
    pavel.submit(pavel.get("/desk/tasks"), f"/desk/tasks/{task}/done")
    assert (
        browser.submit(page, f"/desk/tasks/{task}/reopen", csrf=browser.get(path).form(f"{path}/typed")["csrf"]).status
        == 404
    )
    office.later(minutes=31)
    pavel = office.as_("pavel")
    page = pavel.get(f"/desk/tasks?done=done&task={task}")
    assert pavel.submit(page, f"/desk/tasks/{task}/reopen").status == 404, "half an hour later it is done"


def test_a_link_away_leads_on_and_with_text_that_is_not_sent_opens_a_new_tab(office: StaffSite) -> None:
    label, _receipt = office.file()
    path = f"/desk/cases/{label}"
    browser = office.as_("vera")
    page = browser.get(f"{path}?list=view%3Dnew")
    for to, target in (
        ("documents", f"{path}/documents"),
        ("appointments", f"{path}/appointments"),
        ("runs", f"{path}/runs"),
        ("replies", "/desk/replies"),
        ("/desk/tasks", "/desk/tasks"),
        ("/desk/me", "/desk/me"),
        ("list", "/desk/?view=new&sort=order"),
        ("next", f"/desk/next?but={label}&list=view%3Dnew%26sort%3Dorder"),
        ("referrals/R-222-2222/thread", f"{path}/referrals/R-222-2222/thread?list=view%3Dnew%26sort%3Dorder"),
        ("referrals/R-222-2222/said/accept", f"{path}/referrals/R-222-2222/said/accept"),
        ("case/7kmqx42", "/desk/cases/7KM-QX42"),
    ):
        assert browser.submit(page, f"{path}/go", **{"with": f"to={to}"}).location == target
        kept = browser.submit(page, f"{path}/go", **TYPED, **{"with": f"to={to}"})
        assert kept.status == 200
        assert standing(kept, label) == TYPED
        link = kept.tree.css_first("#leaving a")
        assert link is not None
        assert (link.attributes["href"], link.attributes["target"]) == (target, "_blank")
    for elsewhere in (
        "//elsewhere.example",
        "/desk/elsewhere",
        "https://elsewhere.example",
        "../..",
        "referrals/R-222-2222/accept",
        "",
    ):
        assert browser.submit(page, f"{path}/go", **{"with": f"to={elsewhere}"}).status == 422
    offered = [
        str(node.attributes.get("value", ""))
        for node in page.tree.css("button[formaction]")
        if str(node.attributes["formaction"]) == f"{path}/go"
    ]
    assert {"to=/desk/today", "to=/desk/search", "to=/desk/me"} <= set(offered)
    assert page.tree.css("header a") == [], "nor does one of the head"
    search = page.tree.css_first("header form.find")
    assert search is not None
    assert search.attributes["target"] == "_blank"
    assert {"to=documents", "to=appointments", "to=runs", "to=replies", "to=list", "to=next"} <= set(offered)
    assert page.tree.css("div.notice.done a") == []
    inside = page.tree.css("form#c a[href^='/']")
    assert [node.attributes["href"] for node in inside] == [], "no plain link of the form leaves what is typed"


def test_the_page_loaded_again_after_an_action_that_kept_text_does_it_once(office: StaffSite) -> None:
    label, _receipt = office.file()
    path = f"/desk/cases/{label}"
    browser = office.as_("vera")
    fields = {**browser.get(path).form(f"{path}/note"), "note": "Called: no answer", "text": TYPED["text"]}
    done = browser.send("POST", f"{path}/note", data=fields)
    assert done.status == 307, "the browser sends the same form to a page that saves nothing"
    assert done.location.startswith(f"{path}/typed?")
    assert TYPED["text"] not in done.location
    for _loaded in range(2):
        page = browser.send("POST", done.location, data=fields)
        assert page.status == 200
        assert "Your note has been saved." in page.words()
        found = page.form(f"{path}/typed")
        assert (found["note"], found["text"]) == ("", TYPED["text"])
    opened = browser.submit(browser.get(path), f"{path}/show")
    assert opened.text.count("Called: no answer") == 1


def test_a_case_sleeps_until_tomorrow_or_for_a_week_with_one_click_and_its_fold_stays_open(office: StaffSite) -> None:
    label, _receipt = office.file()
    path = f"/desk/cases/{label}"
    browser = office.as_("vera")
    for words, day in (("until tomorrow", "2026-11-25"), ("for a week", "2026-12-01")):
        page = browser.get(path)
        button = next(node for node in page.tree.css(f'button[formaction^="{path}/snooze"]') if node.text() == words)
        assert str(button.attributes["formaction"]).endswith("/snooze#f-until"), "which opens the fold around it"
        assert page.tree.css_first("details #f-until") is not None
        done = browser.post(f"{path}/snooze", {**page.form(f"{path}/snooze"), "with": str(button.attributes["value"])})
        assert done.did("snoozed"), done.words()
        assert str(office.case(label).snoozed_until) == day
    listed = browser.get(f"{path}?list=view%3Dnew")
    decided = listed.button(f"{path}/snooze").attributes["formaction"]
    assert decided == f"{path}/snooze", "it leads to the next case, whose folds are closed"


def test_an_opened_case_asks_the_database_no_more_than_it_has_to(office: StaffSite) -> None:
    label, _receipt = office.file()
    path = f"/desk/cases/{label}"
    browser = office.as_("vera")
    page = browser.submit(browser.get(path), f"{path}/show")
    with office.statements() as counted:
        opened = browser.post(f"{path}/show", page.form(f"{path}/typed"))
    assert STORY in opened.text
    seen = [one for one in counted.seen if not one.startswith("BEGIN")]
    assert len(seen) <= 18, "\n".join(seen)


def test_signing_out_asks_only_if_something_typed_would_be_lost(office: StaffSite) -> None:
    label, _receipt = office.file()
    path = f"/desk/cases/{label}"
    browser, out = office.as_("vera"), {"with": "to=/desk/sign-out"}
    page = browser.get(path)
    assert [node.attributes.get("value") for node in page.tree.css("form.out button, .bar button.second")][-1] == out[
        "with"
    ]
    kept = browser.submit(page, f"{path}/go", **TYPED, **out)
    assert kept.status == 200
    assert standing(kept, label) == TYPED
    assert "If you sign out now, it is lost." in kept.words()
    assert browser.get(path).status == 200, "still signed in"
    button = kept.tree.css_first("#leaving button")
    assert button is not None
    assert button.attributes["formaction"] == "/desk/sign-out"
    assert browser.submit(kept, "/desk/sign-out", **TYPED).location == "/desk/sign-in"
    assert browser.get(path).status != 200
    browser = office.as_("vera")
    assert browser.submit(browser.get(path), f"{path}/go", **out).location == "/desk/sign-in", "nothing typed: at once"
