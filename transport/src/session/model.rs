//! Two sessions joined by a wire that a test holds in its hands: whatever both sides do, in whatever
//! order, and whenever frames arrive, the two agree, and nothing is left when all is said.

use std::collections::BTreeMap;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::conversation::Conversation;
use crate::frame::Piece;
use crate::{Opening, Path, Received};

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn both_ends_agree_on_open_calls_and_credit_and_keep_nothing_in_the_end(
        client_limits in limits(),
        server_limits in limits(),
        steps in prop::collection::vec(step(), 0..250),
    ) {
        let mut pair = Pair::new(&client_limits, &server_limits);
        for step in steps {
            pair.take(step);
            pair.check();
        }
        pair.come_to_rest();
    }
}

/// Something that happens at one of the ends, or on the wire.
#[derive(Clone, Debug)]
enum Step {
    Open {
        message: Option<usize>,
        end: bool,
    },
    Accept,
    Send {
        from: Role,
        call: Index,
        message: Option<usize>,
        end: bool,
    },
    Receive {
        at: Role,
        call: Index,
    },
    Respond {
        call: Index,
    },
    Finish {
        call: Index,
        well: bool,
    },
    DropSend {
        at: Role,
        call: Index,
    },
    DropReceive {
        at: Role,
        call: Index,
    },
    /// The handler is gone, and its handles with it.
    Release {
        call: Index,
    },
    /// What gathered at one end leaves for the other.
    Write {
        at: Role,
    },
    /// So many frames arrive.
    Arrive {
        at: Role,
        frames: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let size = || prop_oneof![0..3_usize, 0..2000_usize, 0..40_000_usize];
    let message = move || prop::option::of(size());
    let role = || prop_oneof![Just(Role::Client), Just(Role::Server)];
    let call = any::<Index>;
    prop_oneof![
        3 => (message(), prop::bool::weighted(0.3)).prop_map(|(message, end)| Step::Open { message, end }),
        3 => Just(Step::Accept),
        6 => (role(), call(), message(), prop::bool::weighted(0.2))
            .prop_map(|(from, call, message, end)| Step::Send { from, call, message, end }),
        6 => (role(), call()).prop_map(|(at, call)| Step::Receive { at, call }),
        1 => call().prop_map(|call| Step::Respond { call }),
        1 => (call(), any::<bool>()).prop_map(|(call, well)| Step::Finish { call, well }),
        1 => (role(), call()).prop_map(|(at, call)| Step::DropSend { at, call }),
        1 => (role(), call()).prop_map(|(at, call)| Step::DropReceive { at, call }),
        1 => call().prop_map(|call| Step::Release { call }),
        5 => role().prop_map(|at| Step::Write { at }),
        8 => (role(), 1..5_usize).prop_map(|(at, frames)| Step::Arrive { at, frames }),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let window = prop_oneof![Just(1024_u32), Just(3000), Just(65_536)];
    let send_buffer = prop_oneof![Just(1_usize), Just(500), Just(4096), Just(65_536)];
    let calls = prop_oneof![Just(1_u32), Just(2), Just(5), Just(50)];
    (window, send_buffer, calls).prop_map(|(window, send_buffer, calls)| Limits {
        window,
        send_buffer,
        calls,
        ..Limits::default()
    })
}

/// Both ends.
struct Pair {
    client: End,
    server: End,
}

/// One end: its session, the handles of its calls, and the frames on their way to it.
struct End {
    session: Session<Outbox>,
    handles: BTreeMap<u32, Handles>,
    wire: VecDeque<Frame>,
}

/// Which handles of a call are there, and which of them have ended.
struct Handles {
    send: bool,
    receive: bool,
}

/// Frames that have not left, and their size.
#[derive(Default)]
struct Outbox(VecDeque<Frame>, usize);

impl Outlet for Outbox {
    fn push(&mut self, frame: Frame) -> Option<Frame> {
        let mut bytes = bytes::BytesMut::new();
        frame.encode(&mut bytes);
        self.1 += bytes.len();
        self.0.push_back(frame);
        None
    }

    fn waiting(&self) -> usize {
        self.1
    }
}

impl End {
    fn new(role: Role, own: &Limits, peer: &Limits) -> Self {
        let session = Session::new(role, own.clone(), Hello::new(peer), Outbox::default());
        Self { session, handles: BTreeMap::new(), wire: VecDeque::new() }
    }

    fn pick(&self, call: Index) -> Option<u32> {
        let ids: Vec<_> = self.handles.keys().copied().collect();
        (!ids.is_empty()).then(|| *call.get(&ids))
    }

    fn write_to(&mut self, other: &mut Self) {
        self.session.pump();
        other.wire.append(&mut self.session.out.0);
        self.session.out.1 = 0;
        self.session.pump();
    }

    fn arrive(&mut self) -> bool {
        let Some(frame) = self.wire.pop_front() else { return false };
        let shown = format!("{frame:?}");
        if let Err(status) = self.session.handle(frame, Instant::now()) {
            panic!("the peer broke a rule with {shown}: {status}");
        }
        true
    }

    fn send(&mut self, id: u32, message: Option<usize>, end: bool) {
        let Some(handles) = self.handles.get_mut(&id).filter(|handles| handles.send) else { return };
        let mut message = message.map(|size| Bytes::from(vec![0; size]));
        let sent = self.session.poll_send(&mut idle(), id, &mut message, end);
        if end && matches!(sent, Poll::Ready(Ok(()))) {
            handles.send = false;
        }
    }

    /// Whether something was received.
    fn receive(&mut self, id: u32) -> bool {
        let Some(handles) = self.handles.get_mut(&id).filter(|handles| handles.receive) else {
            return false;
        };
        match self.session.poll_receive(&mut idle(), id, None) {
            Poll::Pending => false,
            Poll::Ready(received) => {
                handles.receive = !matches!(received, Received::End(_));
                true
            }
        }
    }

    fn drop_send(&mut self, id: u32) {
        if self.handles.get_mut(&id).is_some_and(|handles| std::mem::take(&mut handles.send)) {
            self.session.cancel(id, Status::new(Code::Cancelled, "dropped"));
        }
    }

    fn drop_receive(&mut self, id: u32) {
        if self.handles.get_mut(&id).is_some_and(|handles| std::mem::take(&mut handles.receive)) {
            self.session.stop_receiving(id);
        }
    }

    fn release(&mut self, id: u32) {
        self.drop_send(id);
        self.drop_receive(id);
        if self.handles.remove(&id).is_some() && self.session.role == Role::Server {
            self.session.release(id);
        }
    }

    fn accept(&mut self) {
        while let Some((id, _head)) = self.session.accept() {
            self.handles.insert(id, Handles { send: true, receive: true });
        }
    }

    /// What messages of call `id` on the way to this end have cost.
    fn cost_on_the_wire(&self, id: u32, outbox: &Outbox) -> u32 {
        let cost = |piece: &Piece| crate::frame::MESSAGE_COST + piece.bytes.len() as u32;
        let of = |frame: &Frame| match frame {
            Frame::Message { call, piece, .. } if *call == id => cost(piece),
            Frame::Call(frame) if frame.call == id => frame.message.as_ref().map_or(0, cost),
            _ => 0,
        };
        self.wire.iter().chain(&outbox.0).map(of).sum()
    }

    /// The credit for call `id` on the way to this end.
    fn credit_on_the_wire(&self, id: u32, outbox: &Outbox) -> u32 {
        let of = |frame: &Frame| match frame {
            Frame::Credit { call, bytes } if *call == id => *bytes,
            _ => 0,
        };
        self.wire.iter().chain(&outbox.0).map(of).sum()
    }

    /// Everything that `other` may still send to this end is what it knows it may, and what is on the
    /// way; and what it may not, is here.
    fn check_credit(&self, other: &Self) {
        for (id, call) in &self.session.calls {
            let Some(sender) = other.session.calls.get(id) else { continue };
            assert_eq!(
                call.allowed() + call.held(),
                call.window(),
                "call {id}: what is here, and what may come"
            );
            if call.end.is_none() && sender.cancelled.is_none() && !sender.over {
                let sender_has = sender.credit() + other.credit_on_the_wire(*id, &self.session.out);
                let on_the_way = self.cost_on_the_wire(*id, &other.session.out);
                assert_eq!(
                    call.allowed(),
                    sender_has + on_the_way,
                    "call {id}: credit of {:?}",
                    other.session.role
                );
            }
        }
    }

    fn check_open(&self) {
        let open = self.session.calls.values().filter(|call| !call.over).count();
        assert_eq!(self.session.open as usize, open, "open calls at the {:?}", self.session.role);
    }
}

impl Pair {
    fn new(client: &Limits, server: &Limits) -> Self {
        let (client, server) =
            (End::new(Role::Client, client, server), End::new(Role::Server, server, client));
        Self { client, server }
    }

    fn end(&mut self, role: Role) -> &mut End {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Open { message, end } => self.open(message, end),
            Step::Accept => self.server.accept(),
            Step::Send { from, call, message, end } => {
                let from = self.end(from);
                if let Some(id) = from.pick(call) {
                    from.send(id, message, end)
                }
            }
            Step::Receive { at, call } => {
                let at = self.end(at);
                at.pick(call).map(|id| at.receive(id));
            }
            Step::Respond { call } => {
                if let Some(id) = self.server.pick(call) {
                    let _ = self.server.session.respond(id, Metadata::new());
                }
            }
            Step::Finish { call, well } => {
                let Some(id) = self.server.pick(call) else { return };
                let handles = self.server.handles.get_mut(&id);
                if handles.is_some_and(|handles| std::mem::take(&mut handles.send)) {
                    let code = if well { Code::Ok } else { Code::NotFound };
                    self.server.session.finish(id, Status::new(code, ""));
                }
            }
            Step::DropSend { at, call } => {
                let at = self.end(at);
                if let Some(id) = at.pick(call) {
                    at.drop_send(id)
                }
            }
            Step::DropReceive { at, call } => {
                let at = self.end(at);
                if let Some(id) = at.pick(call) {
                    at.drop_receive(id)
                }
            }
            Step::Release { call } => {
                if let Some(id) = self.server.pick(call) {
                    self.server.release(id)
                }
            }
            Step::Write { at: Role::Client } => self.client.write_to(&mut self.server),
            Step::Write { at: Role::Server } => self.server.write_to(&mut self.client),
            Step::Arrive { at, frames } => (0..frames).for_each(|_| {
                self.end(at).arrive();
            }),
        }
    }

    fn open(&mut self, message: Option<usize>, end: bool) {
        let head = RequestHead::new(Path::from_static("/test.Test/Call"), "raw");
        let message = message.map(|size| Bytes::from(vec![0; size]));
        let mut opening = Some(Opening { head, message, end });
        if let Poll::Ready(Ok(id)) = self.client.session.poll_open(&mut idle(), None, &mut opening) {
            self.client.handles.insert(id, Handles { send: !end, receive: true });
        }
    }

    fn check(&self) {
        self.client.check_open();
        self.server.check_open();
        self.client.check_credit(&self.server);
        self.server.check_credit(&self.client);
    }

    /// Everybody reads what there is and says no more; then nothing may be left anywhere.
    fn come_to_rest(&mut self) {
        for _round in 0..10_000 {
            let mut busy = false;
            self.server.accept();
            self.client.write_to(&mut self.server);
            self.server.write_to(&mut self.client);
            while self.client.arrive() || self.server.arrive() {
                busy = true;
            }
            for id in self.client.handles.keys().copied().collect::<Vec<_>>() {
                self.client.send(id, None, true);
                while self.client.receive(id) {
                    busy = true;
                }
                if !self.client.handles[&id].receive {
                    self.client.release(id);
                }
            }
            for id in self.server.handles.keys().copied().collect::<Vec<_>>() {
                while self.server.receive(id) {
                    busy = true;
                }
                let gone = self.server.session.poll_cancelled(&mut idle(), id).is_ready();
                if gone || !self.server.handles[&id].receive {
                    let handles = self.server.handles.get_mut(&id);
                    if handles.is_some_and(|handles| std::mem::take(&mut handles.send)) {
                        self.server.session.finish(id, Status::ok());
                    }
                    self.server.release(id);
                    busy = true;
                }
            }
            self.check();
            if !busy && self.client.session.out.0.is_empty() && self.server.session.out.0.is_empty() {
                break;
            }
        }
        for end in [&self.client, &self.server] {
            let role = end.session.role;
            let left: Vec<_> = end.session.calls.keys().collect();
            assert!(left.is_empty(), "calls {left:?} are left at the {role:?}");
            assert!(end.session.turn.is_empty() && end.session.accepted.is_empty(), "at the {role:?}");
        }
    }
}

/// Nobody waits here: every step asks anew.
fn idle() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
