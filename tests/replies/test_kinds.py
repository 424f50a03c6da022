"""What a mail is, on mails written as real programs and people write them (rule T7)."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.graph.inbox import ReceivedMail
from shared.graph.mail import Body
from shared.replies import matching
from shared.replies.automatic import AutomaticKind
from shared.replies.delivery_status import Failure
from shared.replies.kinds import Kind, Recognized, needs_mime, recognize
from shared.replies.mail import IncomingMail, from_mime, of_received
from tests.mail.replies import table
from tests.mail.replies.table import MAILS, OFFER


def what(recognized: Recognized) -> str:
    return str(recognized.automatic or recognized.other or recognized.kind)


def told(failure: Failure) -> str:
    return f"{failure.address} {failure.severity} {failure.status or '-'}"


def person(subject: str = "Re: Offer", text: str = "Yes.", **headers: str) -> IncomingMail:
    given = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return IncomingMail(
        headers=(("from", "li@example.com"), *given),
        author="li@example.com",
        subject=subject,
        text=text,
    )


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_is_what_the_table_says_t7(name: str) -> None:
    expected = MAILS[name]
    mail = from_mime(table.mail(name))
    recognized = recognize(mail)
    assert what(recognized) == expected.what
    assert recognized.returns_on == expected.back
    assert tuple(map(told, recognized.failures)) == expected.failed
    named = [key.internet_message_id for key in matching.keys(mail, recognized)]
    assert (OFFER in named) is expected.names_offer


def test_every_mail_beside_the_table_is_in_it() -> None:
    folder = Path(table.__file__).parent
    assert {file.stem for file in folder.glob("*.eml")} == set(MAILS)


@pytest.mark.parametrize("name", [name for name in MAILS if MAILS[name].what == "bounce"])
def test_the_mime_of_every_bounce_is_asked_for_and_a_bounce_is_known_without_it(name: str) -> None:
    """Graph's JSON has headers and body; where fetching the MIME fails, these must do."""
    mail = replace(from_mime(table.mail(name)), mime=None)
    assert needs_mime(mail) or name == "french-rejection-from-a-plain-address"
    assert recognize(mail).kind is Kind.BOUNCE


@pytest.mark.parametrize("name", [name for name in MAILS if MAILS[name].what == "reply"])
def test_the_mime_of_a_persons_mail_is_not_asked_for(name: str) -> None:
    assert not needs_mime(replace(from_mime(table.mail(name)), mime=None))


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "ja", "pt"])
def test_the_mime_of_an_out_of_office_notice_is_not_asked_for(language: str) -> None:
    """It has no return path, as bounces have none, and there are many of it."""
    assert not needs_mime(replace(from_mime(table.mail(f"exchange-away-{language}")), mime=None))


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        ("Delivery Status Notification (Success)", "Your message was relayed.", "delivered"),
        ("Entregue: Proposta", "A mensagem foi entregue com sucesso.", "delivered"),
        ("Delivery Status Notification (Delay)", "It will be retried.", "delayed"),
        ("Pranešimas", "Laiško pristatyti nepavyko.", "bounce"),
    ],
)
def test_a_report_without_its_parts_is_of_a_failure_unless_its_words_say_otherwise(
    subject: str, text: str, expected: str
) -> None:
    """So it comes where the MIME could not be fetched; reports of success are sent on request."""
    report = person(
        subject, text, content_type="multipart/report; report-type=delivery-status; boundary=b"
    )
    assert what(recognize(report)) == expected


def test_a_bounce_says_in_the_servers_words_why() -> None:
    recognized = recognize(from_mime(table.mail("postfix-unknown-user")))
    (failure,) = recognized.failures
    assert failure.diagnostic == (
        "550 5.1.1 <sam@example.com>: Recipient address rejected: User unknown"
    )


def test_a_bounce_that_tells_no_sender_is_read_all_the_same() -> None:
    _, _, content = table.mail("french-rejection-from-a-plain-address").partition(b"\nTo:")
    recognized = recognize(from_mime(b"To:" + content))
    assert list(map(told, recognized.failures)) == ["sam@example.com permanent -"]


def test_a_suppressing_header_alone_makes_no_automatic_answer() -> None:
    assert recognize(person(x_auto_response_suppress="All")).kind is Kind.REPLY


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auto_submitted", "auto-replied; owner-email=x"),
        ("auto_submitted", "Auto-Generated (vacation)"),
        ("x_autoreply", "yes"),
        ("x_autorespond", "1"),
        ("precedence", "auto_reply"),
        ("x_autoreply_from", "li@example.com"),
        ("return_path", "<>"),
        ("content_type", 'multipart/report; report-type="disposition-notification"'),
    ],
)
def test_one_header_of_an_automatic_answer_is_enough_t7(name: str, value: str) -> None:
    assert recognize(person(**{name: value})).kind is Kind.AUTOMATIC


@pytest.mark.parametrize(
    ("name", "value"),
    [("auto_submitted", "no"), ("x_autoreply", "no"), ("precedence", "normal")],
)
def test_a_header_that_denies_it_makes_no_automatic_answer(name: str, value: str) -> None:
    assert recognize(person(**{name: value})).kind is Kind.REPLY


@pytest.mark.parametrize(
    "subject",
    [
        *("Automatic reply: Offer", "Out of Office: Offer", "Out of Office AutoReply: Offer"),
        *("Resposta automática: Proposta", "Respuesta automática: Oferta"),
        *("Automatische Antwort: Angebot", "Abwesenheitsnotiz: Angebot", "自動応答: 見積書"),
        *("Réponse automatique : Offre", "Risposta automatica: Offerta", "自动答复: 报价"),
        *("Automatisch antwoord: Offerte", "[Automatyczna odpowiedź] Oferta"),
    ],
)
def test_a_subject_that_only_programs_write_is_enough(subject: str) -> None:
    recognized = recognize(person(subject, "…"))
    assert recognized.automatic is AutomaticKind.OUT_OF_OFFICE
    assert recognize(person(f"RE: {subject}")).kind is Kind.REPLY


@pytest.mark.parametrize(
    "text",
    [
        "I am out of the office until Monday.",
        "Estou de férias até segunda.",
        "Thank you for your message, we will get back to you as soon as possible.",
        "> This is an automatically generated message.\nNo, I wrote this.",
        "Your message could not be delivered to my colleague. Can you send it again?",
        "Bo no longer works here, I took over: please contact me instead. And yes.",
    ],
)
def test_a_person_may_write_as_programs_do(text: str) -> None:
    answering = person(text=text, in_reply_to=OFFER)
    assert recognize(answering).kind is Kind.REPLY


@pytest.mark.parametrize(
    "head",
    [
        "From: Ana Lima\nSent: Monday, June 1, 2026 9:00 AM\nTo: Li Wei\nSubject: Offer",
        "**Von:** Ana Lima\n**Gesendet:** Montag, 1. Juni 2026 09:00\n**An:** Li Wei",
        "От: Ana Lima\nОтправлено: 1 июня 2026 г. 9:00\nКому: Li Wei",
        "发件人: Ana Lima\n发送时间: 2026年6月1日 9:00\n收件人: Li Wei",
        "pon., 1 cze 2026 o 09:00 Ana Lima <ana@contoso.com> napisał(a):",
        "пн, 1 июн. 2026 г. в 09:00, Ana Lima <ana@contoso.com>:",
        "Den mån 1 juni 2026 kl 09:00 skrev Ana Lima <\nana@contoso.com>:",
        "Ana Lima <ana@contoso.com> 于2026年6月1日周一 09:00写道：",
    ],
)
def test_what_a_person_quotes_is_not_what_they_say(head: str) -> None:
    text = f"Yes.\n\n{head}\n\nHi Li,\nthis is an automated message of our shop."
    assert recognize(person(text=text, in_reply_to=OFFER)).kind is Kind.REPLY


def test_an_administrator_who_answers_is_a_person_and_one_that_tells_an_address_is_not() -> None:
    answering = replace(
        person(text="The user was not found in our directory. Yes.", in_reply_to=OFFER),
        author_name="System Administrator",
    )
    assert recognize(answering).kind is Kind.REPLY
    reports = replace(answering, text="The user was not found:\n\n  sam@example.com")
    assert recognize(reports).kind is Kind.BOUNCE


def test_a_bounce_in_unicode_names_its_message_rfc_6533() -> None:
    kind = b"multipart/report; report-type=global-delivery-status; boundary=b"
    recognized = recognize(
        from_mime(
            b"From: <>\nContent-Type: " + kind + b"\n\n"
            b"--b\nContent-Type: message/global-delivery-status\n\nReporting-MTA: dns; x\n\n"
            b"Final-Recipient: utf-8; sam@example.com\nAction: failed\nStatus: 5.1.1\n"
            b"--b\nContent-Type: message/global-headers\n\nMessage-ID: <offer-1@contoso.com>\n"
            b"--b--\n"
        )
    )
    assert recognized.originals == (OFFER,)
    assert list(map(told, recognized.failures)) == list(MAILS["postfix-unknown-user"].failed)


def test_an_address_ends_where_the_marks_of_another_script_begin() -> None:
    text = "您的邮件被退回来了\n收件人：sam@example.com，退信原因：550 User not found"
    report = replace(person("系统退信", text), author="postmaster@mail.example")
    assert [failure.address for failure in recognize(report).failures] == ["sam@example.com"]


@pytest.mark.parametrize(
    "subject",
    [
        *("Re: Your holiday offer", "AW: Out of Office", "RES: férias", "RE: Ticket 4711 received"),
        *("Re: Li is out of the office", "Automation: our offer", "WG: Automatic reply: Offer"),
    ],
)
def test_a_subject_that_was_there_before_says_nothing_of_its_answer(subject: str) -> None:
    answering = person(subject, "I am on vacation until 12 June, but yes.", in_reply_to=OFFER)
    assert recognize(answering).kind is Kind.REPLY


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Away game on Saturday", "I am away on Monday, but will you come on Saturday?"),
        ("Holiday party", "We order for the party; I am out of the office from Friday."),
        ("Férias", "Estarei de férias na semana que vem. Podemos falar hoje?"),
        ("Delivery failure of our order", "The goods were not delivered, please look into it."),
        ("Mail delivery", "The parcel was not delivered last week."),
        ("Auto insurance", "Please quote for two cars."),
        ("Auto: cotação", "Aceito a proposta."),
        ("Devolução", "O endereço não é válido: escreva a bo@example.com."),
    ],
)
def test_a_person_who_begins_a_new_subject_may_use_the_words_of_programs(
    subject: str, text: str
) -> None:
    assert recognize(person(subject, text, in_reply_to=OFFER)).kind is Kind.REPLY


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("On leave until 15 June", "I am on leave without access to mail."),
        ("Nicht im Büro", "Ich bin ab 15. Juni wieder erreichbar."),
        ("Offer: out of office", "I am away until Monday."),
        ("Auto: Offer", "I am away until Monday."),
        ("Nieobecność", "Jestem na urlopie do 15 czerwca."),
        ("Re: Offer", "I am on parental leave. In urgent cases please contact Noor."),
        ("Re: Angebot", "Ich bin im Urlaub. Ihre E-Mail wird nicht weitergeleitet."),
        ("Your request", "This message has been automatically generated in response to it."),
        ("Chamado", "Esta é uma mensagem automática."),
        ("[desk.example #12] AutoReply: Offer", "Your ticket has an ID."),
        ("Read: Offer", "Your message was read on Monday, 8 June 2026."),
        ("Gelesen: Angebot", "Ihre Nachricht wurde am Montag gelesen."),
        ("Ваше обращение получено", "Мы получили ваше письмо."),
        ("Re: Offer", "To control spam, I now accept mail from approved senders only."),
    ],
)
def test_a_program_that_sets_no_header_is_known_by_two_signs(subject: str, text: str) -> None:
    assert recognize(person(subject, text)).kind is Kind.AUTOMATIC


@pytest.mark.parametrize(
    "footer",
    [
        "Diese E-Mail wurde automatisch auf Viren geprüft.",
        "Este mensaje ha sido automáticamente analizado.",
        "This e-mail was automatically scanned for viruses.",
        "Это письмо проверено автоматической системой.",
        "このメールは自動的にウイルスチェックされています。",
    ],
)
def test_a_footer_that_speaks_of_what_was_done_automatically_makes_no_automatic_answer(
    footer: str,
) -> None:
    assert recognize(person(text=f"Yes.\n\n{footer}")).kind is Kind.REPLY


def test_somebody_who_writes_to_a_list_of_their_leave_is_a_person() -> None:
    on_a_list = {"list_id": "<sales.example.com>", "precedence": "list", "x_loop": "sales"}
    mail = person(text="I was on vacation. Yes.", in_reply_to=OFFER, **on_a_list)
    assert recognize(mail).kind is Kind.REPLY


def test_a_plain_address_that_returns_the_message_itself_is_a_bounce() -> None:
    head = b"From: gateway@example.com\nSubject: Mail could not be delivered\n"
    parts = (
        b"--b\n\nThe following mail could not be delivered.\n--b\nContent-Type: message/rfc822\n\n"
    )
    returned = b"From: ana@contoso.com\nTo: sam@example.com\nMessage-ID: <offer-1@contoso.com>\n\n-"
    content = head + b"Content-Type: multipart/mixed; boundary=b\n\n" + parts + returned
    recognized = recognize(from_mime(content + b"\n--b--\n"))
    assert recognized.kind is Kind.BOUNCE
    assert recognized.originals[0] == OFFER


def test_who_quotes_a_message_while_away_is_there() -> None:
    text = "I am on leave, in urgent cases contact Noor. But yes.\n> Our offer"
    assert recognize(person(text=text, in_reply_to=OFFER)).kind is Kind.REPLY


def test_exchanges_own_answer_is_known_by_two_headers_and_what_a_rule_passes_on_is_not() -> None:
    by_rule = {"x_ms_exchange_inbox_rules_loop": "sam@example.com"}
    answer = person(**by_rule, x_auto_response_suppress="All")
    assert recognize(answer).kind is Kind.AUTOMATIC
    assert recognize(person(**by_rule)).kind is Kind.REPLY


def test_bulk_mail_that_answers_nothing_is_a_programs_and_that_of_a_list_is_none_of_ours() -> None:
    assert recognize(person("Gone fishing", "Bye.", precedence="bulk")).kind is Kind.AUTOMATIC
    assert what(recognize(person("News", "Read on.", precedence="list"))) == "newsletter"
    assert recognize(person("RE: Offer", "Yes.", precedence="list")).kind is Kind.REPLY


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "koi8-r", "gb2312", "shift_jis"])
def test_a_subject_that_was_not_encoded_is_read_all_the_same(charset: str) -> None:
    """Forbidden before RFC 6532, and sent by many: the letters are those of the mail's text."""
    subject = {
        "koi8-r": "Автоответ: Предложение",
        "gb2312": "自动回复: 报价",
        "shift_jis": "自動応答: 見積書",
    }.get(charset, "Réponse automatique : Offre")
    head = f"From: li@example.com\nSubject: {subject}\n"
    mail = from_mime(f"{head}Content-Type: text/plain; charset={charset}\n\n-".encode(charset))
    assert mail.subject == subject
    assert recognize(mail).kind is Kind.AUTOMATIC


@pytest.mark.parametrize(
    "subject",
    [
        *("Kan inte levereras: Offert", "Toimitus ei onnistu: Tarjous", "Nelze doručit: Nabídka"),
        *("Teslim edilemedi: Teklif", "未传递: 报价", "配信不能: 見積書", "Não entregue: Proposta"),
    ],
)
def test_a_bounce_of_exchange_is_known_in_any_of_its_languages(subject: str) -> None:
    report = replace(person(subject, "sam@example.com"), author="postmaster@outlook.com")
    assert recognize(report).kind is Kind.BOUNCE


@pytest.mark.parametrize(
    "subject", ["complaint about message from 203.0.113.9", "Abuse report for x"]
)
def test_a_complaint_in_no_form_of_its_own_is_no_reply(subject: str) -> None:
    assert what(recognize(person(subject, "See attached."))) == "complaint"


def test_a_subject_that_only_sounds_like_a_programs_is_no_sign_enough() -> None:
    assert recognize(person("Out of office furniture", "Which colours?")).kind is Kind.REPLY


def test_an_out_of_office_notice_that_tells_of_failing_mail_is_no_bounce() -> None:
    notice = person(
        "Automatic reply: Offer",
        "I am out of the office and my mailbox is full: mail could not be delivered to me.",
        return_path="<>",
    )
    assert recognize(notice).automatic is AutomaticKind.OUT_OF_OFFICE


def test_who_it_is_from_is_shown_not_who_sent_it_for_them() -> None:
    """RFC 5322, 3.6.2: From is the author, Sender transmits."""
    mail = from_mime(table.mail("delegate-of-the-recipient"))
    assert (mail.author, mail.sender) == ("li@example.com", "office@example.org")
    assert recognize(mail).author == "li@example.com"


def test_a_person_to_whom_a_message_was_forwarded_is_shown_as_themselves() -> None:
    mail = from_mime(table.mail("forwarded-to-somebody-else"))
    assert recognize(mail).author == "noor@example.net"


def received(**changes: Any) -> ReceivedMail:
    """A mail as Graph gives it."""
    given = ReceivedMail(
        id="AAMk",
        type="#microsoft.graph.message",
        received_at=datetime(2026, 6, 1, 12, tzinfo=UTC),
        is_draft=False,
        from_=("Li@Example.com", "Li Wei"),
        sender=("li@example.com", "Li Wei"),
        to=(),
        subject="Automatic reply: Offer",
        internet_message_id="<1@example.com>",
        conversation_id="AAQk1",
        headers=(("In-Reply-To", OFFER), ("Auto-Submitted", "auto-generated")),
        body=Body("<style>p{}</style><p>Away.<br>Back on 15 June 2026</p>", is_html=True),
    )
    return replace(given, **changes)


def test_a_message_of_graph_is_read_without_its_mime() -> None:
    mail = of_received(received())
    assert (mail.author, mail.sender, mail.conversation) == ("li@example.com", None, "AAQk1")
    assert mail.text.split() == ["Away.", "Back", "on", "15", "June", "2026"]
    assert str(recognize(mail).returns_on) == "2026-06-15"


def test_an_answer_to_an_invitation_is_no_reply() -> None:
    answer = received(type="#microsoft.graph.eventMessageResponse", subject="Yes", headers=())
    assert what(recognize(of_received(answer))) == "calendar"


def test_a_message_without_anything_is_read_all_the_same() -> None:
    nothing = received(
        from_=("", ""), sender=("", ""), subject="", headers=(), body=Body("", is_html=True)
    )
    assert recognize(of_received(nothing)).author is None
