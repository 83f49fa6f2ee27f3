"""The ladder diagram shows each message once, where it went, and what became of it."""

from __future__ import annotations

from microsip_core.diagnosis.ladder import Note, arrows_of, established_at, format_address, render_ladder

from .messages import ACK, ALICE, BOB, BYE, INVITE, OK, SERVER, message, received, sent

CALL = [
    sent(10.0, ALICE, SERVER, INVITE),
    received(10.004, SERVER, ALICE, OK),
    sent(10.005, ALICE, SERVER, ACK),
    sent(15.0, ALICE, SERVER, BYE),
]
NAMES = {ALICE: "alice", SERVER: "server"}


def test_diagram_of_a_call() -> None:
    assert render_ladder(arrows_of(CALL), names=NAMES, width=80) == """\
                  alice                     server
             127.0.0.1:41000            127.0.0.1:5060
  0.000             │───────── INVITE ────────►│
                    │ PCMU PCMA 127.0.0.1:4000 │
  0.004             │◄───────── 200 OK ────────│
                    │   PCMA 127.0.0.1:5000    │
  0.005             │────────── ACK ──────────►│
  5.000             │────────── BYE ──────────►│
"""


def test_ascii_diagram_holds_ascii_only() -> None:
    text = render_ladder(arrows_of(CALL), names=NAMES, ascii_only=True, notes=[Note(11.0, ALICE, SERVER, "RTP")])
    assert text.isascii()
    assert "|---------- BYE ---------->|" in text
    assert "<======" in text
    assert "======>" in text


def test_colours_only_when_asked_for_and_text_stays_the_same() -> None:
    plain, painted = (render_ladder(arrows_of(CALL), names=NAMES, color=color) for color in (False, True))
    assert "\x1b" not in plain
    without = painted
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[34m", "\x1b[36m"):
        without = without.replace(code, "")
    assert [line.rstrip() for line in without.splitlines()] == plain.splitlines()


def test_message_seen_at_both_ends_is_one_arrow() -> None:
    at_alice = [sent(1.0, ALICE, BOB, INVITE), received(1.2, BOB, ALICE, OK)]
    at_bob = [received(1.001, ALICE, BOB, INVITE), sent(1.1, BOB, ALICE, OK)]
    assert [(arrow.summary.label, arrow.time, arrow.lost) for arrow in arrows_of(at_alice, at_bob)] == [
        ("INVITE", 1.0, False), ("200 OK", 1.1, False),
    ]


def test_sender_that_notes_a_message_after_the_receiver_still_gives_one_arrow() -> None:
    at_bob = [received(1.0, ALICE, BOB, INVITE), sent(1.01, BOB, ALICE, OK)]
    arrows = arrows_of([sent(1.002, ALICE, BOB, INVITE)], at_bob)
    assert [arrow.summary.label for arrow in arrows] == ["INVITE", "200 OK"]


def test_lost_message_and_its_retransmission_are_marked() -> None:
    at_alice = [sent(1.0, ALICE, BOB, INVITE), sent(1.5, ALICE, BOB, INVITE)]
    at_bob = [received(1.501, ALICE, BOB, INVITE)]
    first, second = arrows_of(at_alice, at_bob)
    assert (first.lost, first.copies) == (True, 0)
    assert (second.lost, second.copies) == (False, 1)
    text = render_ladder([first, second])
    assert "INVITE (lost)" in text
    assert "✗" in text
    assert "INVITE (retransmitted)" in text


def test_nothing_is_called_lost_where_the_receiver_was_not_traced() -> None:
    assert [arrow.lost for arrow in arrows_of([sent(1.0, ALICE, BOB, INVITE)])] == [False]


def test_arrow_passes_a_column_in_between() -> None:
    arrows = arrows_of([sent(0.0, ALICE, SERVER, INVITE), sent(0.1, SERVER, BOB, INVITE), sent(0.2, ALICE, BOB, ACK)])
    last = render_ladder(arrows, names={ALICE: "a", SERVER: "s", BOB: "b"}).splitlines()[-1]
    assert last.count("│") == 2
    assert last.endswith("►│")


def test_only_the_messages_of_one_call() -> None:
    other = message("OPTIONS sip:x@y SIP/2.0", "1 OPTIONS", call_id="call-2")
    arrows = arrows_of([*CALL, sent(12.0, ALICE, SERVER, other)], call_id="call-1")
    assert [arrow.summary.label for arrow in arrows] == ["INVITE", "200 OK", "ACK", "BYE"]


def test_establishment_is_the_last_acknowledgement_of_the_answer() -> None:
    proxied = message("ACK sip:bob@127.0.0.1 SIP/2.0", "1 ACK", "z9hG4bK9")
    later = message("ACK sip:bob@127.0.0.1 SIP/2.0", "9 ACK", "z9hG4bK8")
    trace = [*CALL, sent(10.006, SERVER, BOB, proxied), sent(14.0, ALICE, SERVER, later)]
    assert established_at(arrows_of(trace)) == 10.006
    assert established_at(arrows_of(CALL[:1])) is None
    assert established_at(arrows_of(CALL[:2])) == 10.004


def test_lines_keep_to_the_width_and_long_labels_are_cut() -> None:
    long = message("SIP/2.0 480 " + "Nobody is at home at this time of the day " * 3, "1 INVITE")
    trace = [sent(0.0, ALICE, SERVER, INVITE), sent(0.0, SERVER, BOB, INVITE), sent(0.1, BOB, SERVER, long)]
    text = render_ladder(arrows_of(trace), width=90)
    assert max(map(len, text.splitlines())) <= 90
    assert "480 Nobody is" in text
    assert "…" in text


def test_nothing_to_draw() -> None:
    assert render_ladder([]) == ""


def test_ipv6_addresses_have_brackets() -> None:
    assert format_address(("::1", 5060)) == "[::1]:5060"
    assert "[::1]:5060" in render_ladder(arrows_of([sent(0.0, ("::1", 5060), ("::1", 5061), INVITE)]))


def test_message_to_itself_is_told() -> None:
    assert "(to itself)" in render_ladder(arrows_of([sent(0.0, ALICE, ALICE, INVITE)]))
