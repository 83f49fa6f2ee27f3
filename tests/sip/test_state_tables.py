"""Every machine, every state, every input: the table is the figure of the RFC, and no input does harm in any state."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest

from microsip_core.ids import IdSource
from microsip_core.sip import builder
from microsip_core.sip.endpoint import Endpoint, EndpointConfig
from microsip_core.sip.events import CallIncoming
from microsip_core.sip.hop import Hop, Source
from microsip_core.sip.identity import Identity
from microsip_core.sip.message import Request, Response
from microsip_core.sip.parser import parse_message
from microsip_core.sip.registration import Failure, Registration, RegistrationInput, RegistrationState
from microsip_core.sip.session.incoming_setup import IncomingInput, IncomingSetup, IncomingState
from microsip_core.sip.session.outgoing_setup import Outcome, OutgoingInput, OutgoingSetup, OutgoingState
from microsip_core.sip.state_table import Machine, ignore
from microsip_core.sip.transaction.client import ClientInput
from microsip_core.sip.transaction.invite_client import InviteClientState, InviteClientTransaction
from microsip_core.sip.transaction.invite_server import InviteServerState, InviteServerTransaction
from microsip_core.sip.transaction.layer import TransactionLayer
from microsip_core.sip.transaction.non_invite_client import NonInviteClientState, NonInviteClientTransaction
from microsip_core.sip.transaction.non_invite_server import NonInviteServerState, NonInviteServerTransaction
from microsip_core.sip.transaction.server import ServerInput

# Rows: state, then "input>next state"; what is not listed must leave the state as it is. The transport is unreliable.
FIGURES: dict[type[Machine], tuple[type[IntEnum], type[IntEnum], str]] = {
    InviteClientTransaction: (
        InviteClientState,
        ClientInput,
        """
        CALLING    PROVISIONAL>PROCEEDING SUCCESS>ACCEPTED FAILURE>COMPLETED TIMER_RETRANSMIT>CALLING
        CALLING    TIMER_TIMEOUT>TERMINATED TRANSPORT_ERROR>TERMINATED
        PROCEEDING PROVISIONAL>PROCEEDING SUCCESS>ACCEPTED FAILURE>COMPLETED TIMER_TIMEOUT>TERMINATED
        COMPLETED  FAILURE>COMPLETED TIMER_END>TERMINATED TRANSPORT_ERROR>TERMINATED
        ACCEPTED   SUCCESS>ACCEPTED TIMER_END>TERMINATED
    """,
    ),
    NonInviteClientTransaction: (
        NonInviteClientState,
        ClientInput,
        """
        TRYING     PROVISIONAL>PROCEEDING SUCCESS>COMPLETED FAILURE>COMPLETED TIMER_RETRANSMIT>TRYING
        TRYING     TIMER_TIMEOUT>TERMINATED TRANSPORT_ERROR>TERMINATED
        PROCEEDING PROVISIONAL>PROCEEDING SUCCESS>COMPLETED FAILURE>COMPLETED TIMER_RETRANSMIT>PROCEEDING
        PROCEEDING TIMER_TIMEOUT>TERMINATED TRANSPORT_ERROR>TERMINATED
        COMPLETED  TIMER_END>TERMINATED
    """,
    ),
    InviteServerTransaction: (
        InviteServerState,
        ServerInput,
        """
        PROCEEDING REQUEST>PROCEEDING SEND_PROVISIONAL>PROCEEDING SEND_SUCCESS>ACCEPTED SEND_FAILURE>COMPLETED
        PROCEEDING TIMER_TRYING>PROCEEDING TRANSPORT_ERROR>TERMINATED
        COMPLETED  REQUEST>COMPLETED ACK>CONFIRMED TIMER_RETRANSMIT>COMPLETED TIMER_TIMEOUT>TERMINATED
        COMPLETED  TRANSPORT_ERROR>TERMINATED
        CONFIRMED  TIMER_END>TERMINATED
        ACCEPTED   ACK>ACCEPTED SEND_SUCCESS>ACCEPTED TIMER_END>TERMINATED
    """,
    ),
    NonInviteServerTransaction: (
        NonInviteServerState,
        ServerInput,
        """
        TRYING     SEND_PROVISIONAL>PROCEEDING SEND_SUCCESS>COMPLETED SEND_FAILURE>COMPLETED
        TRYING     TIMER_END>TERMINATED TRANSPORT_ERROR>TERMINATED
        PROCEEDING REQUEST>PROCEEDING SEND_PROVISIONAL>PROCEEDING SEND_SUCCESS>COMPLETED SEND_FAILURE>COMPLETED
        PROCEEDING TIMER_END>TERMINATED TRANSPORT_ERROR>TERMINATED
        COMPLETED  REQUEST>COMPLETED TIMER_END>TERMINATED TRANSPORT_ERROR>TERMINATED
    """,
    ),
    IncomingSetup: (
        IncomingState,
        IncomingInput,
        """
        WAITING    PROVISIONAL>WAITING SUCCESS>ACCEPTED REFUSAL>DONE CANCEL>DONE BYE>DONE TIMER_RING>DONE
        WAITING    TIMER_REFRESH>WAITING FAILED>DONE NO_ACK>DONE
        ACCEPTED   HANGUP>LEAVING BYE>DONE ACK>DONE NO_ACK>DONE
        LEAVING    BYE>DONE ACK>DONE NO_ACK>DONE
    """,
    ),
    OutgoingSetup: (
        OutgoingState,
        OutgoingInput,
        """
        CALLING    PROVISIONAL>CALLING SUCCESS>DONE FAILURE>DONE HANGUP>LEAVING TIMER_ANSWER>LEAVING
        ANSWERED   ACKNOWLEDGE>DONE HANGUP>DONE BYE>DONE
        LEAVING    SUCCESS>DONE FAILURE>DONE
    """,
    ),
    Registration: (
        RegistrationState,
        RegistrationInput,
        """
        REGISTERING   REFRESH>REGISTERING UNREGISTER>UNREGISTERING SUCCESS>REGISTERED FAILURE>FAILED
        REGISTERED    REFRESH>REGISTERING TIMER>REGISTERING UNREGISTER>UNREGISTERING
        FAILED        REFRESH>REGISTERING TIMER>REGISTERING UNREGISTER>REMOVED
        UNREGISTERING SUCCESS>UNREGISTERING FAILURE>REMOVED
    """,
    ),
}

SOURCE = Source("UDP", "10.0.0.2", 5060, ("10.0.0.1", 5060))
VIA = "SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKone"


def figure(machine: type[Machine]) -> dict[tuple[str, str], str]:
    """Return (state, input) -> next state as drawn."""
    drawn = {}
    for line in FIGURES[machine][2].strip().splitlines():
        state, *arrows = line.split()
        for arrow in arrows:
            input_, _, next_state = arrow.partition(">")
            assert (state, input_) not in drawn
            drawn[state, input_] = next_state
    return drawn


def pairs() -> list[Any]:
    """Every machine, state and input."""
    return [
        pytest.param(machine, state, input_, id=f"{machine.__name__}-{state.name}-{input_.name}")
        for machine, (states, inputs, _) in FIGURES.items()
        for state in states
        for input_ in inputs
    ]


class SilentUser:
    def on_request(self, transaction: Any, request: Request, now: float) -> None: ...
    def on_ack(self, request: Request, source: Source, now: float) -> None: ...
    def on_cancel(self, invite: Any, cancel: Any, request: Request, now: float) -> None: ...
    def on_response(self, transaction: Any, response: Response, now: float) -> None: ...
    def on_client_timeout(self, transaction: Any, now: float) -> None: ...
    def on_client_transport_error(self, transaction: Any, error: str, now: float) -> None: ...
    def on_server_failure(self, transaction: Any, error: str, now: float) -> None: ...
    def on_stray_response(self, response: Response, source: Source, now: float) -> None: ...


def message(method: str, *, body: bytes = b"", to: str = "<sip:bob@example.com>") -> Request:
    request = builder.request(
        method,
        "sip:bob@10.0.0.1",
        via=VIA,
        from_="<sip:alice@example.com>;tag=a",
        to=to,
        call_id="call",
        cseq=1,
        contact="<sip:alice@10.0.0.2>",
        body=body,
        content_type="application/sdp" if body else None,
    )
    parsed = parse_message(request.to_bytes())
    assert isinstance(parsed, Request)
    return parsed


def arguments(request: Request) -> dict[str, Any]:
    """Return an argument for every input by its name."""

    def response(status: int, body: bytes = b"") -> Response:
        made = builder.response_to(
            request,
            status,
            to_tag="b",
            contact="<sip:bob@10.0.0.1>",
            body=body,
            content_type="application/sdp" if body else None,
        )
        parsed = parse_message(made.to_bytes())
        assert isinstance(parsed, Response)
        return parsed

    return {
        "PROVISIONAL": response(180),
        "SUCCESS": response(200, b"v=0"),
        "SEND_PROVISIONAL": response(180),
        "SEND_SUCCESS": response(200),
        "SEND_FAILURE": response(486),
        "REFUSAL": response(486),
        "REQUEST": request,
        "ACK": message("ACK"),
        "CANCEL": message("CANCEL"),
        "BYE": message("BYE"),
        "TRANSPORT_ERROR": "refused",
        "FAILED": "refused",
        "HANGUP": (),
        "ACKNOWLEDGE": b"v=0",
    }


def argument_for(machine: Machine, input_: IntEnum, request: Request) -> Any:
    if input_.name == "FAILURE":
        failed = builder.response_to(request, 486, to_tag="b")
        if isinstance(machine, OutgoingSetup):
            return Outcome(486, "Busy Here", failed, None)
        if isinstance(machine, Registration):
            return Failure(403, "Forbidden", failed, None, request)
        return failed
    return arguments(request).get(input_.name)


def route_to(start: str, goal: str, drawn: dict[tuple[str, str], str]) -> list[str]:
    """Return a shortest list of inputs that lead from one state to another."""
    paths: dict[str, list[str]] = {start: []}
    queue = [start]
    for state in queue:
        for (here, input_), there in drawn.items():
            if here == state and there not in paths:
                paths[there] = [*paths[state], input_]
                queue.append(there)
    return paths[goal]


def make_transaction(cls: type[Machine]) -> tuple[Machine, Request, TransactionLayer]:
    layer = TransactionLayer(SilentUser(), IdSource(1))
    request = message("INVITE" if "Non" not in cls.__name__ else "OPTIONS")
    if "Client" in cls.__name__:
        return layer.send_request(request, Hop("UDP", "10.0.0.2", 5060), 0.0), request, layer
    layer.receive(request, SOURCE, 0.0)
    return next(iter(layer._servers.values())), request, layer


def make_endpoint() -> Endpoint:
    return Endpoint(
        EndpointConfig(local_address=lambda hop: ("10.0.0.1", 5060)), IdSource(1), Identity("sip:bob@example.com")
    )


def make_machine(cls: type[Machine], goal: str) -> tuple[Machine, Request, TransactionLayer]:
    """Make a machine, in its first state."""
    if cls is IncomingSetup:
        endpoint = make_endpoint()
        request = message("INVITE", body=b"v=0")
        endpoint.layer.receive(request, SOURCE, 0.0)
        event = endpoint.next_event()
        assert isinstance(event, CallIncoming)
        assert isinstance(event.session.setup, IncomingSetup)
        return event.session.setup, request, endpoint.layer
    if cls is OutgoingSetup:
        endpoint = make_endpoint()
        session = endpoint.invite("sip:bob@10.0.0.2", None if goal == "ANSWERED" else b"v=0", 0.0)
        assert isinstance(session.setup, OutgoingSetup)
        assert session.request is not None
        return session.setup, session.request, endpoint.layer
    if cls is Registration:
        endpoint = make_endpoint()
        registration = endpoint.register(endpoint.identity, "sip:example.com", 0.0)
        request = message("REGISTER")
        return registration, request, endpoint.layer
    return make_transaction(cls)


@pytest.mark.parametrize(("cls", "state", "input_"), pairs())
def test_every_pair(cls: type[Machine], state: IntEnum, input_: IntEnum) -> None:
    drawn = dict(figure(cls))
    if cls is OutgoingSetup and state.name == "ANSWERED":
        drawn["CALLING", "SUCCESS"] = "ANSWERED"
    inputs = FIGURES[cls][1]
    machine, request, layer = make_machine(cls, state.name)
    first = FIGURES[cls][0](machine.state).name
    for step in route_to(first, state.name, drawn):
        machine.handle(inputs[step], argument_for(machine, inputs[step], request), 1.0)
    assert machine.state == state

    machine.handle(input_, argument_for(machine, input_, request), 2.0)

    expected = drawn.get((state.name, input_.name), state.name)
    assert FIGURES[cls][0](machine.state).name == expected
    layer.data_to_send()


@pytest.mark.parametrize("cls", FIGURES)
def test_the_table_lists_what_the_figure_draws_and_nothing_else(cls: type[Machine]) -> None:
    states, inputs, _ = FIGURES[cls]
    listed = {
        (state.name, input_.name) for state in states for input_ in inputs if cls.TABLE[state][input_][0] is not ignore
    }
    silent = {("REGISTERING", "UNREGISTER")}  # a change of state without an action
    assert listed == set(figure(cls)) - silent


@pytest.mark.parametrize("cls", [InviteClientTransaction, NonInviteClientTransaction])
@pytest.mark.parametrize("status", [180, 200, 486, None])
def test_client_transactions_end_by_themselves(cls: type[Machine], status: int | None) -> None:
    machine, request, layer = make_transaction(cls)
    if status is not None:
        layer.receive(builder.response_to(request, status, to_tag="b"), SOURCE, 0.1)
        if status < 200 and isinstance(machine, InviteClientTransaction):
            machine.cancel(0.2)
    run_out(layer)
    assert layer.client_count == 0


@pytest.mark.parametrize("cls", [InviteServerTransaction, NonInviteServerTransaction])
@pytest.mark.parametrize("status", [200, 486])
def test_server_transactions_end_by_themselves(cls: type[Machine], status: int) -> None:
    machine, request, layer = make_transaction(cls)
    assert isinstance(machine, (InviteServerTransaction, NonInviteServerTransaction))
    machine.respond(builder.response_to(request, status, to_tag="b"), 0.1)
    run_out(layer)
    assert layer.server_count == 0


def run_out(layer: TransactionLayer) -> None:
    """Let all timers fire, one after the other."""
    for _ in range(1000):
        when = layer.next_timeout()
        if when is None:
            return
        layer.handle_timeout(when)
    raise AssertionError("timers do not end")
