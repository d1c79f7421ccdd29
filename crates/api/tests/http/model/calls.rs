//! What users ask of conversations: what the rules answer (ACC-3, CNV-4 to CNV-8, RPL-5 to RPL-7), and that it is so.

use super::{
    action::{Call, Draft, IfMatch, Pick},
    compare::query,
    play::{History, NOT_FOUND, Told, Verdict, WRONG, Who, position_of},
    site::CUSTOMERS,
    state::{Author, Kept, Message, Wanted, Written},
};
use serde_json::{Value, json};

const TEXTS: [&str; 3] = ["Thank you.", "It is on its way.", "We will look into it."];

impl History<'_> {
    pub(super) fn call(&mut self, who: Who, call: &Call) -> Told<()> {
        match call {
            Call::List { wanted, limit } => self.list(who, *wanted, *limit),
            Call::Counts => self.counts(who),
            Call::Conversation(of) => self.window(who, *of),
            Call::Messages(of) => self.messages(who, *of),
            Call::Seen { of, upto, version } => self.seen(who, *of, *upto, *version),
            Call::Unseen { of, version } => self.unseen(who, *of, *version),
            Call::Edit { of, open, owner, version } => self.edit(who, *of, (*open, *owner), *version),
            Call::Primary { of, contact, version } => self.primary(who, *of, *contact, *version),
            Call::Reply { of, draft, key } => self.reply(who, *of, *draft, *key),
            Call::Again { which, changed } => self.again(who, *which, *changed),
            Call::TakeBack(of) => self.take_back(who, *of),
            Call::Cut => {
                self.offices[who.office].people[who.user].cut();
                Ok(())
            }
            Call::ReadDeltas { limit } => {
                if self.model(who).users[who.user].active {
                    self.offices[who.office].people[who.user].read_deltas(*limit);
                }
                Ok(())
            }
            other => self.call_about_customers(who, other),
        }
    }

    /// ACC-3: it exists for them; then, that the version is the one that it has (412).
    fn judge(&self, who: Who, here: Option<usize>, version: IfMatch) -> Result<usize, (u16, &'static str)> {
        let thread = here.filter(|thread| self.model(who).sees_conversation(who.user, *thread));
        match (thread, version) {
            (None, _) => Err(NOT_FOUND),
            (Some(_), IfMatch::Stale) => Err((412, "stale_version")),
            (Some(thread), _) => Ok(thread),
        }
    }

    fn version(&self, who: Who, here: Option<usize>, version: IfMatch) -> Option<String> {
        let present = here.map_or(1, |thread| self.model(who).conversation(thread).version);
        Self::if_match(version, present)
    }

    fn list(&mut self, who: Who, wanted: Wanted, limit: usize) -> Told<()> {
        let verdict = match self.model(who).stream(who.user, wanted) {
            Some(_) => Ok(200),
            None => Err((403, "view_not_allowed")),
        };
        let path = query(wanted);
        self.ask(who, verdict, ("GET", path.trim_end_matches('&')), &[], None)?;
        if verdict.is_ok() && self.model(who).users[who.user].active {
            self.compare_stream(who.office, who.user, wanted, limit)?;
        }
        Ok(())
    }

    fn counts(&mut self, who: Who) -> Told<()> {
        let answer = self.ask(who, Ok(200), ("GET", "/v1/conversations/counts"), &[], None)?;
        if answer.status == 200 { self.compare_counts(who.office, who.user) } else { Ok(()) }
    }

    fn window(&mut self, who: Who, of: Pick) -> Told<()> {
        let thing = self.conversation(who, of);
        let judged = self.judge(who, thing.here, IfMatch::Absent);
        let path = format!("/v1/conversations/{}", thing.id);
        let answer = self.ask(who, judged.map(|_| 200), ("GET", &path), &[], None)?;
        match judged {
            Ok(thread) if answer.status == 200 => self.compare_window(who.office, who.user, thread),
            _ => Ok(()),
        }
    }

    fn messages(&mut self, who: Who, of: Pick) -> Told<()> {
        let thing = self.conversation(who, of);
        let judged = self.judge(who, thing.here, IfMatch::Absent);
        let path = format!("/v1/conversations/{}/messages", thing.id);
        let answer = self.ask(who, judged.map(|_| 200), ("GET", &path), &[], None)?;
        match judged {
            Ok(thread) if answer.status == 200 => self.compare_messages(who.office, who.user, thread),
            _ => Ok(()),
        }
    }

    fn seen(&mut self, who: Who, of: Pick, upto: Option<Pick>, version: IfMatch) -> Told<()> {
        let thing = self.conversation(who, of);
        let judged = self.judge(who, thing.here, version);
        // One of its messages, or, from elsewhere, one of no conversation of theirs.
        let message = upto.map(|pick| {
            let messages = thing.here.map(|thread| self.model(who).threads[thread].messages.as_slice());
            match messages {
                Some(messages) if !pick.elsewhere => messages[pick.at % messages.len()].position.1.clone(),
                _ => thing.id.clone(),
            }
        });
        let shown = judged.map(|thread| match &message {
            Some(message) => position_of(self.model(who), thread, message),
            None => self.model(who).threads[thread].messages.last().map(|last| last.position.clone()),
        });
        let verdict = shown.clone().and_then(|shown| shown.ok_or(WRONG)).map(|_| 204);
        let body = message.map_or(json!({}), |id| json!({"message_id": id}));
        let path = format!("/v1/conversations/{}/seen", thing.id);
        let expected = self.version(who, thing.here, version);
        let headers: Vec<_> = expected.iter().map(|version| ("if-match", version.as_str())).collect();
        let answer = self.ask(who, verdict, ("PUT", &path), &headers, Some(&body))?;
        if let (204, Ok(thread), Ok(Some(shown))) = (answer.status, judged, shown) {
            self.model_mut(who).open(thread, shown);
        }
        Ok(())
    }

    fn unseen(&mut self, who: Who, of: Pick, version: IfMatch) -> Told<()> {
        let thing = self.conversation(who, of);
        let judged = self.judge(who, thing.here, version);
        let path = format!("/v1/conversations/{}/seen", thing.id);
        let expected = self.version(who, thing.here, version);
        let headers: Vec<_> = expected.iter().map(|version| ("if-match", version.as_str())).collect();
        let answer = self.ask(who, judged.map(|_| 204), ("DELETE", &path), &headers, None)?;
        if let (204, Ok(thread)) = (answer.status, judged) {
            self.model_mut(who).mark_unread(thread);
        }
        Ok(())
    }

    /// Closed, opened, given to somebody, or both at once: all of it or nothing.
    fn edit(
        &mut self,
        who: Who,
        of: Pick,
        (open, owner): (Option<bool>, Option<Pick>),
        version: IfMatch,
    ) -> Told<()> {
        let thing = self.conversation(who, of);
        let owner = owner.map(|pick| self.colleague(who, pick));
        let judged = self.judge(who, thing.here, version);
        let model = self.model(who);
        let heir = owner.as_ref().and_then(|owner| owner.here.filter(|user| model.users[*user].active));
        let verdict =
            judged.and_then(|_| if owner.is_some() && heir.is_none() { Err(WRONG) } else { Ok(200) });
        let mut body = json!({});
        if let Some(open) = open {
            body["status"] = if open { "open" } else { "closed" }.into();
        }
        if let Some(owner) = &owner {
            body["owner_id"] = owner.id.as_str().into();
        }
        let path = format!("/v1/conversations/{}", thing.id);
        let expected = self.version(who, thing.here, version);
        let headers: Vec<_> = expected.iter().map(|version| ("if-match", version.as_str())).collect();
        let answer = self.ask(who, verdict, ("PATCH", &path), &headers, Some(&body))?;
        if let (200, Ok(thread)) = (answer.status, judged) {
            let now = self.offices[who.office].now();
            self.model_mut(who).edit(thread, open, heir, now);
            self.answered(who, thread, &answer.body)?;
        }
        Ok(())
    }

    /// A change answers with the whole thing, also where it takes it out of the caller's sight.
    fn answered(&self, who: Who, thread: usize, body: &Value) -> Told<()> {
        super::compare::same("the answer", &self.model(who).window(who.user, thread), body)
    }

    /// CNV-3: any other external party of the conversation.
    fn primary(&mut self, who: Who, of: Pick, contact: Pick, version: IfMatch) -> Told<()> {
        let thing = self.conversation(who, of);
        let contact = self.contact(who, contact);
        let judged = self.judge(who, thing.here, version);
        let model = self.model(who);
        let chosen = judged.and_then(|thread| {
            let fits = |contact: &usize| {
                model.conversation(thread).primary == *contact || model.takes_part(*contact, thread)
            };
            contact.here.filter(fits).map(|contact| (thread, contact)).ok_or(WRONG)
        });
        let body = json!({"primary_contact_id": contact.id});
        let path = format!("/v1/conversations/{}", thing.id);
        let expected = self.version(who, thing.here, version);
        let headers: Vec<_> = expected.iter().map(|version| ("if-match", version.as_str())).collect();
        let answer = self.ask(who, chosen.map(|_| 200), ("PATCH", &path), &headers, Some(&body))?;
        if let (200, Ok((thread, contact))) = (answer.status, chosen) {
            self.model_mut(who).choose_primary(thread, contact);
            self.answered(who, thread, &answer.body)?;
        }
        Ok(())
    }

    fn reply(&mut self, who: Who, of: Pick, draft: Draft, key: Option<u32>) -> Told<()> {
        let thing = self.conversation(who, of);
        let mut body = json!({"text": TEXTS[draft.text], "force": draft.force});
        if let Some(to) = draft.to {
            body["to"] = json!([{"address": CUSTOMERS[to % CUSTOMERS.len()].0}]);
        }
        if let Some(seen) = draft.seen {
            let messages = thing.here.map(|thread| &self.model(who).threads[thread].messages);
            let last = messages.map(|messages| &messages[messages.len() - 1 - seen % messages.len()]);
            body["last_seen_message_id"] = last.map_or(&thing.id, |last| &last.position.1).as_str().into();
        }
        self.send_reply(who, (&thing.id, thing.here), &body, key)
    }

    /// RPL-7: what was granted once, with the same key.
    fn again(&mut self, who: Who, which: usize, changed: bool) -> Told<()> {
        let mut kept: Vec<(&(usize, u32), &Kept)> = self.model(who).kept.iter().collect();
        kept.sort_by_key(|(whose, _)| **whose);
        let Some(((_, key), kept)) = kept.get(which % kept.len().max(1)).copied() else { return Ok(()) };
        let (key, thread, mut body) = (*key, kept.thread, kept.body.clone());
        if changed {
            body["text"] = format!("{} Really.", body["text"].as_str().unwrap()).into();
        }
        let id = self.model(who).conversation(thread).id.clone();
        self.send_reply(who, (&id, Some(thread)), &body, Some(key))
    }

    fn send_reply(
        &mut self,
        who: Who,
        (id, here): (&str, Option<usize>),
        body: &Value,
        key: Option<u32>,
    ) -> Told<()> {
        let model = self.model(who);
        let judged = self.judge(who, here, IfMatch::Absent);
        let kept = key.and_then(|key| model.kept.get(&(who.user, key))).cloned();
        let seen = body["last_seen_message_id"].as_str();
        let verdict: Verdict = judged.and_then(|thread| match &kept {
            Some(kept) if kept.thread == thread && kept.body == *body => Ok(201),
            Some(_) => Err((422, "idempotency_key_reused")),
            None => {
                let newest = &model.threads[thread].messages.last().unwrap().position;
                let seen = seen.map(|seen| position_of(model, thread, seen).ok_or(WRONG)).transpose()?;
                if seen.is_some_and(|seen| seen < *newest) && body["force"] == false {
                    return Err((409, "conversation_moved_on"));
                }
                if model.can_reply(who.user, thread) { Ok(201) } else { Err((422, "no_sending_mailbox")) }
            }
        });
        let path = format!("/v1/conversations/{id}/replies");
        let key_text = key.map(|key| format!("key {key}"));
        let headers: Vec<_> = key_text.iter().map(|key| ("idempotency-key", key.as_str())).collect();
        let answer = self.ask(who, verdict, ("POST", &path), &headers, Some(body))?;
        let (201, Ok(thread)) = (answer.status, judged) else { return Ok(()) };
        let message = answer.body["id"].as_str().unwrap().to_owned();
        if let Some(kept) = kept {
            return match (kept.message == message, answer.header("idempotent-replayed")) {
                (true, "true") => Ok(()),
                (_, replayed) => {
                    Err(format!("{message} instead of {}, replayed: {replayed:?}", kept.message))
                }
            };
        }
        if let Some(key) = key {
            let kept = Kept { thread, body: body.clone(), message: message.clone() };
            self.model_mut(who).kept.insert((who.user, key), kept);
        }
        let now = self.offices[who.office].now();
        let model = self.model_mut(who);
        let (default_to, default_cc) = model.reply_defaults(thread);
        let to = match body["to"][0]["address"].as_str() {
            Some(to) => vec![to.to_owned()],
            None => default_to,
        };
        let cc = default_cc.into_iter().filter(|cc| !to.contains(cc)).collect();
        let newest = model.threads[thread].messages.last().unwrap().position.clone();
        let seen = seen.map_or(newest, |seen| position_of(model, thread, seen).unwrap());
        let written = Message {
            position: (now, message.clone()),
            number: None,
            inbound: false,
            automatic: false,
            imported: false,
            answers_unseen: false,
            author: Author::User(who.user),
            from: "",
            to,
            cc,
            known: true,
            subject: String::new(),
            preview: body["text"].as_str().unwrap().to_owned(),
        };
        model.reply(thread, seen, written);
        model.written.push(Written { thread, message, author: who.user, there: true });
        Ok(())
    }

    /// RPL-5: by who wrote it, while it waits.
    fn take_back(&mut self, who: Who, of: Pick) -> Told<()> {
        let thing = self.thing(who, of, |model| {
            model.written.iter().map(|written| written.message.clone()).enumerate().collect()
        });
        let model = self.model(who);
        let written = thing.here.map(|at| &model.written[at]).filter(|written| written.there);
        let seen = written.filter(|written| model.sees_conversation(who.user, written.thread));
        let verdict = match seen {
            None => Err(NOT_FOUND),
            Some(written) if written.author != who.user => Err((403, "not_author")),
            Some(_) => Ok(200),
        };
        let path = format!("/v1/messages/{}/cancel", thing.id);
        let answer = self.ask(who, verdict, ("POST", &path), &[], None)?;
        if let (200, Some(at)) = (answer.status, thing.here) {
            let model = self.model_mut(who);
            model.written[at].there = false;
            let thread = model.written[at].thread;
            model.take_back(thread, &thing.id);
        }
        Ok(())
    }
}
