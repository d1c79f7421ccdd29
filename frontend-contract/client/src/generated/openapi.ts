// Made from openapi/postroom.json by `npm run generate`; don't edit it.

export interface paths {
    readonly "/.well-known/jwks.json": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Public keys of the access tokens
         * @description With them other services check an access token by themselves (Ed25519, RFC 8037). During a change of keys there are
         *     several; the token's `kid` names one. A key stands here two minutes before it signs, and until what it has signed has
         *     expired: who keeps the list for no more than a minute misses none.
         */
        readonly get: operations["get_token_keys"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/healthz": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Alive
         * @description The process runs and answers. Asks nothing of the database.
         */
        readonly get: operations["health"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/openapi.json": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * This document
         * @description The contract, written by the code that serves it.
         */
        readonly get: operations["get_openapi"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/readyz": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Ready
         * @description The database answers and has every migration: requests can be served.
         */
        readonly get: operations["readiness"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/api-keys": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * API keys
         * @description The caller's, the newest first; administrators see everybody's. Keys that have expired are there until they are
         *     revoked.
         */
        readonly get: operations["list_api_keys"];
        readonly put?: never;
        /**
         * Make an API key
         * @description One of the caller's own: it acts as them, within its scope, until it is revoked or expires, or they are deactivated. The
         *     answer is the only one that shows its token. It takes no `Idempotency-Key`, since the token would have to be kept for
         *     it: where the answer was lost, revoke the key and make another. With an API key this takes the scope `admin`, and the
         *     new key ends with that one at the latest.
         */
        readonly post: operations["create_api_key"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/api-keys/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * One API key
         * @description The caller's own, or anybody's for administrators.
         */
        readonly get: operations["get_api_key"];
        readonly put?: never;
        readonly post?: never;
        /**
         * Revoke an API key
         * @description The caller's own, or anybody's for administrators. No request with it is answered from now on, and a stream that it
         *     follows ends. With an API key this takes the scope `admin`.
         */
        readonly delete: operations["revoke_api_key"];
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/attachments": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Upload a file
         * @description As `multipart/form-data` with one part, `file`. Until a message takes it by its id (`attachment_ids`) it is there for
         *     its uploader alone, and is removed after 24 hours; one file goes into one message. What the file is called and is
         *     stands in the answer, and may differ from what was said: directories and characters that are not seen are taken out of
         *     names, and what claims to be a picture must be one.
         */
        readonly post: operations["upload_attachment"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/attachments/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * A file
         * @description An attachment of a message that the caller sees, or what they have uploaded themselves.
         */
        readonly get: operations["get_attachment"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/attachments/{id}/content": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * An attachment's content
         * @description By the signed `url` of a message's attachment, which needs no header and ends after an hour or two, or with an access
         *     token. Pictures are shown, everything else is for saving; nothing in a file can act in the page.
         */
        readonly get: operations["get_attachment_content"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/audit": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * The audit trail
         * @description What was done in the workspace, the newest first: sign-ins and credentials, people, keys, mailboxes and settings, and
         *     the work on conversations and customers. It names things and fields, never what stands in a mail or a field. Entries
         *     are kept for 400 days, and nobody can change them. For owner and administrators; an API key needs the scope `admin`.
         */
        readonly get: operations["list_audit"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/auth/invitations/{token}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * An invitation
         * @description What the page at the link shows before it is accepted. Unknown, used, void and expired are not told apart.
         */
        readonly get: operations["get_invitation"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/auth/invitations/{token}/accept": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Accept an invitation
         * @description Once: the user is active, has this password, and is signed in, with the answer of `POST /v1/auth/login`.
         */
        readonly post: operations["accept_invitation"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/auth/login": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Sign in
         * @description Gives an access token for 15 minutes and a refresh token for the next one. Whatever is wrong, the answer is the
         *     same, after the same time.
         */
        readonly post: operations["login"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/auth/logout": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Sign out
         * @description Ends the session of the access token, or, where that is missing or worth nothing any more, of the refresh token in
         *     the body or the cookie. Its tokens are worth nothing from then on.
         */
        readonly post: operations["logout"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/auth/password-reset": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Ask for a new password
         * @description Whoever has an account with this address gets a mail with a link to the page, good for an hour. The answer is the same,
         *     after the same time, whether or not there is one.
         */
        readonly post: operations["request_password_reset"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/auth/password-reset/{token}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Choose a new password
         * @description With the token of the link, once. All sessions of the user end; they sign in with the new password then.
         */
        readonly post: operations["reset_password"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/auth/refresh": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Get a new access token
         * @description Exchanges the refresh token, from the body or the cookie, for a new pair. A refresh token is good once; presented
         *     again within 30 seconds (two tabs, a lost answer) it still gets a successor, later it ends the session. With the
         *     cookie, the page's `Origin` must be this server's own or a configured one.
         */
        readonly post: operations["refresh"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/avatars/{sha256}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * A picture
         * @description By an `avatar_url`, which needs no header and ends after an hour or two.
         */
        readonly get: operations["get_avatar"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/companies": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Companies
         * @description Those that the caller sees, the newest first: for team members those that they made, and those of contacts that they see. With `q` every role finds all companies of the
         *     workspace, what fits best first. What stands here is enough to recognise one and to associate it to a contact; the whole
         *     is at `/v1/companies/{id}`.
         */
        readonly get: operations["list_companies"];
        readonly put?: never;
        /**
         * Make a company
         * @description Only a name is needed. Who makes it sees it; associate it with `PUT /v1/contacts/{id}/company`.
         */
        readonly post: operations["create_company"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/companies/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * One company
         * @description Every standard and custom field. Team members see the companies that they made, and those of contacts that they see.
         */
        readonly get: operations["get_company"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        /**
         * Change a company
         * @description Any field of it, custom fields by their keys. Every wrong field is named, and nothing is saved then. What a field has
         *     already changes nothing.
         */
        readonly patch: operations["update_company"];
        readonly trace?: never;
    };
    readonly "/v1/contacts": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Contacts
         * @description Those that the caller sees: the newest first, or, with `q`, what fits best. Team members see the contacts that they
         *     own, and those that take part in a conversation that they own.
         */
        readonly get: operations["list_contacts"];
        readonly put?: never;
        /**
         * Make a contact
         * @description Somebody outside, known by an address at least. Contacts are also made by mail, when a conversation begins. An address
         *     that another contact has is refused as `taken`; `detail` names that contact where the caller sees them.
         */
        readonly post: operations["create_contact"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/contacts/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * One contact
         * @description All that the sidebar shows: every standard and custom field, company, deals, owner. Team members see the contacts
         *     that they own, and those that take part in a conversation that they own.
         */
        readonly get: operations["get_contact"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        /**
         * Change a contact
         * @description Any field of theirs, their owner, custom fields by their keys. Every wrong field is named, and nothing is saved then.
         *     What a field has already changes nothing. The answer is the whole contact, also when this very change takes them out
         *     of the caller's sight.
         */
        readonly patch: operations["update_contact"];
        readonly trace?: never;
    };
    readonly "/v1/contacts/{id}/avatar": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        /**
         * Set a contact's picture
         * @description As one's own. For everybody who sees the contact.
         */
        readonly put: operations["set_contact_avatar"];
        readonly post?: never;
        /**
         * Remove a contact's picture
         * @description Where there is none, nothing changes.
         */
        readonly delete: operations["remove_contact_avatar"];
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/contacts/{id}/company": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        /**
         * Set the company
         * @description Any company of the workspace, in place of the one that the contact has. The answer is the whole contact.
         */
        readonly put: operations["set_contact_company"];
        readonly post?: never;
        /**
         * Remove the company
         * @description The contact belongs to none from then on; the company stays. The answer is the whole contact.
         */
        readonly delete: operations["remove_contact_company"];
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/contacts/{id}/deals/{deal_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        /**
         * Associate a deal
         * @description Any deal of the workspace. The answer is the whole contact.
         */
        readonly put: operations["add_contact_deal"];
        readonly post?: never;
        /**
         * Take a deal off
         * @description The contact has no part in it from then on; the deal stays. The answer is the whole contact.
         */
        readonly delete: operations["remove_contact_deal"];
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/contacts/{id}/emails": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Add an address
         * @description A further address of the contact, or with `primary` the one that is written to first from now on. The answer is the
         *     whole contact. An address that another contact has is refused as `taken`; `detail` names that contact where the caller
         *     sees them.
         */
        readonly post: operations["add_contact_email"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/contacts/{id}/emails/{email_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        readonly post?: never;
        /**
         * Remove an address
         * @description Not the primary one: make another one that first, so that mail never goes where nobody meant it to. The answer is the
         *     whole contact.
         */
        readonly delete: operations["remove_contact_email"];
        readonly options?: never;
        readonly head?: never;
        /**
         * Change an address
         * @description Another address in its place, or `primary: true`. The answer is the whole contact.
         */
        readonly patch: operations["update_contact_email"];
        readonly trace?: never;
    };
    readonly "/v1/conversations": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * The stream
         * @description Conversations as cards, by last activity. Walking it with cursors gives each conversation that nobody touched
         *     meanwhile exactly once.
         */
        readonly get: operations["list_conversations"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/conversations/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * One conversation
         * @description Its card, who takes part, what the caller may do, and what the editor begins with. Reading it doesn't open it.
         */
        readonly get: operations["get_conversation"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        /**
         * Change a conversation
         * @description Close or reopen it, hand it over, choose another primary contact. What it already has changes nothing. The answer is
         *     the whole conversation, also when this very change takes it out of the caller's sight.
         */
        readonly patch: operations["update_conversation"];
        readonly trace?: never;
    };
    readonly "/v1/conversations/{id}/messages": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Messages
         * @description The conversation's messages, oldest first within a page; the first page has the newest ones, `next_cursor` leads to
         *     older ones.
         */
        readonly get: operations["list_conversation_messages"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/conversations/{id}/messages/{message_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * One message of a conversation
         * @description The same as `/v1/messages/{id}`, if it is a message of this conversation.
         */
        readonly get: operations["get_conversation_message"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/conversations/{id}/presence": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Who is in a conversation
         * @description Everybody who said within the last 30 seconds that they have it open or write an answer, by name, the caller too.
         */
        readonly get: operations["list_presence"];
        /**
         * Be in a conversation
         * @description Tells everybody who sees the conversation that the caller has it open or writes an answer, as `presence` on their
         *     streams. It lasts 30 seconds: say it again as long as it is so. Nothing of it is stored.
         */
        readonly put: operations["set_presence"];
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/conversations/{id}/replies": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Reply
         * @description Sent through the conversation's mailbox, or the caller's own where that is not theirs to use. It shows in the
         *     conversation at once; `delivery` tells how it fares, and until when it can be taken back
         *     (`POST /v1/messages/{id}/cancel`). `POST …/replies/preview` tells before what it will be.
         */
        readonly post: operations["create_reply"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/conversations/{id}/replies/preview": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Preview a reply
         * @description Exactly what would leave, and to whom, with what to look at before sending it. Takes the body of a reply and refuses
         *     what sending it would refuse, but for `conversation_moved_on`, which is a warning here. Sends nothing, keeps nothing,
         *     uses no attachment.
         */
        readonly post: operations["preview_reply"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/conversations/{id}/seen": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        /**
         * Opened
         * @description The caller has the conversation open: it is read, for everybody. The messages up to `message_id` were shown; without
         *     it, all of them. It never moves back.
         */
        readonly put: operations["mark_conversation_seen"];
        readonly post?: never;
        /**
         * Mark unread
         * @description It is unread for everybody, until somebody opens it.
         */
        readonly delete: operations["mark_conversation_unread"];
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/conversations/counts": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Counts
         * @description Open and unread conversations, for the navigation's badge. `all` is null for team members.
         */
        readonly get: operations["count_conversations"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/custom-fields": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Custom fields
         * @description The definitions, for every role: those for companies, for contacts, and for deals, each in their set order.
         */
        readonly get: operations["list_custom_fields"];
        readonly put?: never;
        /**
         * Define a custom field
         * @description For contacts, companies or deals. All of them have it from then on, empty. A key that was removed and is defined anew
         *     is another field: old values don't come back. For owner and administrators.
         */
        readonly post: operations["create_custom_field"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/custom-fields/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * One custom field
         * @description Its definition, for every role.
         */
        readonly get: operations["get_custom_field"];
        readonly put?: never;
        readonly post?: never;
        /**
         * Remove a custom field
         * @description It is not shown any more. The values that things have are kept, but don't come back by defining its key anew. For owner
         *     and administrators.
         */
        readonly delete: operations["remove_custom_field"];
        readonly options?: never;
        readonly head?: never;
        /**
         * Change a custom field
         * @description Label, options, whether it is required, and its place. Entity, key and type never change. For owner and administrators.
         */
        readonly patch: operations["update_custom_field"];
        readonly trace?: never;
    };
    readonly "/v1/deals": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Deals
         * @description Those that the caller sees, the newest first: for team members those that they own, and those of contacts that they see. With `q` every role finds all deals of the
         *     workspace, what fits best first. What stands here is enough to recognise one and to associate it to a contact; the whole
         *     is at `/v1/deals/{id}`.
         */
        readonly get: operations["list_deals"];
        readonly put?: never;
        /**
         * Make a deal
         * @description Only a name is needed: it is open then, and the caller's. Associate it with `PUT /v1/contacts/{id}/deals/{deal_id}`.
         */
        readonly post: operations["create_deal"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/deals/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * One deal
         * @description Every standard and custom field. Team members see the deals that they own, and those of contacts that they see.
         */
        readonly get: operations["get_deal"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        /**
         * Change a deal
         * @description Any field of it, custom fields by their keys. Every wrong field is named, and nothing is saved then. What a field has
         *     already changes nothing.
         */
        readonly patch: operations["update_deal"];
        readonly trace?: never;
    };
    readonly "/v1/events": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * What happened
         * @description The changes behind a number that the caller may know of, with cards as they are now. Numbers count up in the order of
         *     the commits; a page that read something with `Postroom-Event: n` misses nothing when it goes on with `after=n`. Kept
         *     for 30 days.
         */
        readonly get: operations["list_events"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/events/stream": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Follow what happens
         * @description Server-Sent Events. Each change is a message whose `event:` is its type, whose `id:` is its number, and whose `data:`
         *     is the same object as in `GET /v1/events`. A reader that reconnects with the last `id` (`Last-Event-ID`, which
         *     EventSource sends by itself) misses nothing and gets nothing twice; an expired position is refused before the stream
         *     starts.
         *
         *     Besides there are, with JSON objects as `data:`, `heartbeat` (`{}`, every 15 seconds, with an `id:`, so that a quiet
         *     reader's position moves on), `presence` (a `Presence`; without `id:`, never repeated) and `end`
         *     (a `StreamEnd`), after which the server closes the connection: after `stopping` and `role_changed` connect again, after
         *     `role_changed` and `events_expired` load the page anew, after the others sign in.
         *
         *     The stream outlives its access token. Best opened by `fetch` with the usual `Authorization`; for EventSource there are
         *     tickets. A reader that takes nothing for 30 seconds is cut off, and resumes. A user may have 50 streams open at once (of
         *     one server process, if not configured otherwise); one more is 429 `rate_limited`.
         */
        readonly get: operations["follow_events"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/events/ticket": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * A ticket for the stream
         * @description For EventSource, which sends no headers: `GET /v1/events/stream?ticket=…`. It is good for that alone, and for any
         *     number of connections while the caller's session or key lives. Nothing is stored; asking again is cheap.
         */
        readonly post: operations["create_event_ticket"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/mail-providers": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Providers
         * @description Those that the operator has registered this installation with. A mailbox there is connected without a password:
         *     `POST /v1/mail-providers/sign-in`, the browser goes to its `authorization_url` and comes back to the operator's
         *     redirect address with `code` and `state`, and `POST /v1/mailboxes/oauth` takes both.
         */
        readonly get: operations["list_mail_providers"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/mail-providers/sign-in": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Begin to sign in at a provider
         * @description Nothing is saved. What the browser comes back with is good for the caller alone, and once. Keep what the mailbox is to
         *     be meanwhile: the page is left.
         */
        readonly post: operations["begin_provider_sign_in"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/mailboxes": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Mailboxes
         * @description Those that the caller may send from, by address; administrators see all.
         */
        readonly get: operations["list_mailboxes"];
        readonly put?: never;
        /**
         * Connect a mailbox
         * @description Everybody may connect their own; shared ones are for administrators. Nothing is connected to while you wait: an
         *     unreachable server still gives 201, and `state` and `last_error` tell how reading goes.
         */
        readonly post: operations["create_mailbox"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/mailboxes/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * One mailbox
         * @description With how reading it goes. Its passwords are never shown.
         */
        readonly get: operations["get_mailbox"];
        readonly put?: never;
        readonly post?: never;
        /**
         * Remove a mailbox
         * @description It is not read any more, nobody sends from it, and its address may be connected anew. Its messages and conversations
         *     stay; who replies in one writes from their own mailbox, or gets `no_sending_mailbox`. What was accepted for sending
         *     is sent.
         */
        readonly delete: operations["remove_mailbox"];
        readonly options?: never;
        readonly head?: never;
        /**
         * Change a mailbox
         * @description Everybody may change their own; shared ones are for administrators. New servers, accounts or passwords are used at once,
         *     and end a stop after refused logins. A password stays with its server: where `host`, `port` or `security` changes,
         *     it must be given again. `address`, `kind` and `user_id` stay as they are: connect another mailbox.
         */
        readonly patch: operations["update_mailbox"];
        readonly trace?: never;
    };
    readonly "/v1/mailboxes/{id}/intake": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * The intake list
         * @description Nothing that was read is dropped silently: what failed, was too large, is automatic, came back or came from an ignored
         *     sender stands here, the latest first. For those who manage the mailbox; `from` and the mails themselves of a personal
         *     one are for its user alone.
         */
        readonly get: operations["list_intake"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/mailboxes/{id}/intake/{entry_id}/raw": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * An entry's mail
         * @description Byte by byte as it was received (`message/rfc822`), for those who may read the mailbox's mail: of a personal one, its
         *     user alone.
         */
        readonly get: operations["get_raw_intake"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/mailboxes/{id}/intake/{entry_id}/replay": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Take an entry in once more
         * @description Its mail goes the way of every other, as it is understood now: after an ignored sender was taken off the list, say, or
         *     with a newer Postroom. What is a message by now stays that one, so that nothing is there twice.
         */
        readonly post: operations["replay_intake"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/mailboxes/{id}/oauth": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        /**
         * Let a mailbox sign in through its provider
         * @description With what the browser came back with: anew where `last_error` says "needs sign-in again", or for the first time in the
         *     place of its passwords, which are forgotten. It is read and sent through the provider's servers at once.
         */
        readonly put: operations["sign_in_mailbox"];
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/mailboxes/{id}/test": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Try a mailbox's servers
         * @description Signs in at both ends, reads and sends nothing, and says what is wrong: with the stored settings, or with those given in
         *     their place, which are not saved. A stored password is tried at its own server alone. The answer is there within half
         *     a minute, whatever the servers do.
         */
        readonly post: operations["test_mailbox"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/mailboxes/oauth": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Connect a mailbox through its provider
         * @description With what the browser came back with. The provider's servers are used, and no others. As with a password everybody may
         *     connect their own, and administrators shared ones.
         */
        readonly post: operations["create_oauth_mailbox"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/me": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Who am I
         * @description The signed-in user with their settings, what their role allows, and their workspace.
         */
        readonly get: operations["get_me"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        /**
         * Change my profile
         * @description Name, signature, whether new replies have it, time zone. What is left out stays.
         */
        readonly patch: operations["update_me"];
        readonly trace?: never;
    };
    readonly "/v1/me/avatar": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        /**
         * Set my picture
         * @description As `multipart/form-data` with one part, `file`: a PNG, JPEG, GIF or WebP of at most 5 MiB. Its middle is kept, as a
         *     square of 256 by 256, and nothing of what else the file says.
         */
        readonly put: operations["set_my_avatar"];
        readonly post?: never;
        /**
         * Remove my picture
         * @description Where there is none, nothing changes.
         */
        readonly delete: operations["remove_my_avatar"];
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/me/password": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        /**
         * Change my password
         * @description Takes the present one. This session goes on; all others end.
         */
        readonly put: operations["change_password"];
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/messages": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Your messages
         * @description What the caller has written here, the newest first, in conversations and beside them; `state` picks those that are not
         *     well, or not gone yet.
         */
        readonly get: operations["list_messages"];
        readonly put?: never;
        /**
         * Write a new mail
         * @description To anybody. Its thread becomes a conversation when the other side replies.
         */
        readonly post: operations["create_message"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/messages/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * One message
         * @description Also of a thread that is no conversation yet, for its author and those who may see its mailbox's mail. An outbound
         *     one tells under `delivery` how it fares.
         */
        readonly get: operations["get_message"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/messages/{id}/cancel": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Take a message back
         * @description While it is queued and nobody has a copy: within the workspace's undo time (`delivery.can_cancel_until`), and later as
         *     long as no delivery worker has claimed it. The answer is the request with which it was written, for the editor; its
         *     attachments can be used again. The message is gone, and with it whom it would have brought into the conversation.
         *     The conversation's status stays as it is.
         */
        readonly post: operations["cancel_message"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/messages/{id}/raw": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * A message as a mail
         * @description Byte by byte as it was received or is sent (`message/rfc822`), for those who see the message. What is sent names no
         *     blind copies. A mail that waits for its first attempt has no bytes yet: 404.
         */
        readonly get: operations["get_raw_message"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/messages/{id}/retry": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Send a message again
         * @description After it has `failed`, or was sent in `partial`: to those alone whom it did not reach. After `unknown` the answer of
         *     the recipient's server was lost, and the message may have arrived: it is sent again only with
         *     `accept_duplicate: true`, and a recipient may then get it twice. It is the same mail, with the same Message-ID, so
         *     that many mail programs show two copies as one.
         */
        readonly post: operations["retry_message"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/messages/preview": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Preview a new mail
         * @description The same for a new mail: takes the body of one.
         */
        readonly post: operations["preview_message"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/recipients": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * People to write to
         * @description For adding somebody to a reply while their name is typed: contacts that the caller sees, each of their addresses, and
         *     active users, best first. There is no next page; who isn't found is looked for with more of their name.
         */
        readonly get: operations["list_recipients"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/threads": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Threads that wait
         * @description What was written to customers and not answered yet, and what came in and makes no conversation by itself, the latest
         *     message first: the caller's own threads, those of their personal mailbox, and, for those who see all conversations,
         *     those of shared mailboxes.
         */
        readonly get: operations["list_threads"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/threads/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * One thread
         * @description Also after it has become a conversation, for those who see that: `conversation_id` names it.
         */
        readonly get: operations["get_thread"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/threads/{id}/conversation": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Begin a conversation by hand
         * @description The thread becomes a conversation without waiting for a reply. Its owner is who wrote its first outbound message, else
         *     the mailbox's user or default owner, else the contact's owner; its primary contact is the external party that began
         *     it or was written to first. Where it is a conversation already, that one is the answer, with status 200. The answer
         *     is the whole conversation, also where it is not the caller's to see.
         */
        readonly post: operations["start_conversation"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/users": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Users
         * @description The users of the workspace by name. Every role may list the active ones, to choose an owner from; the others are for
         *     who manages users.
         */
        readonly get: operations["list_users"];
        readonly put?: never;
        /**
         * Invite a user
         * @description Makes a user who is `invited`, and sends them a mail with a link to the page, where they choose their password. They
         *     are active when they have accepted. The mail leaves on its own, also when its server is away for a while.
         */
        readonly post: operations["invite_user"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/users/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * One user
         * @description An active one for every role; any one for who manages users.
         */
        readonly get: operations["get_user"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        /**
         * Change a user
         * @description Their role, or whether they may sign in. With `active: false` their sessions and API keys end at once, their mailbox is
         *     read no more, and all that they own (conversations, contacts, deals, what comes through shared mailboxes) goes to
         *     `reassign_to`, in one step: pages load anew (`view.reset`). The owner stays the owner, and active; nobody takes their
         *     own role or access away.
         */
        readonly patch: operations["update_user"];
        readonly trace?: never;
    };
    readonly "/v1/users/{id}/invitation": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Send an invitation again
         * @description With another link; the one before is void from now on. Also for one whose invitation was taken back or has expired.
         */
        readonly post: operations["resend_invitation"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/workspace": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * The workspace
         * @description Its name, settings and paid features.
         */
        readonly get: operations["get_workspace"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        /**
         * Change the workspace
         * @description Its name, what makes a thread a conversation, how long a reply may be taken back. For owner and administrators.
         */
        readonly patch: operations["update_workspace"];
        readonly trace?: never;
    };
    readonly "/v1/workspace/feature-requests": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Wishes for paid features
         * @description What was asked for, by whom and when, and how it stands.
         */
        readonly get: operations["list_feature_requests"];
        readonly put?: never;
        /**
         * Ask for a paid feature
         * @description Any user may ask; the operator enables it. Asking again changes nothing: the first wish stays, with who asked and
         *     when.
         */
        readonly post: operations["request_feature"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description Accepting an invitation.
         * @example {
         *       "name": "Ben Frost",
         *       "password": "correct horse battery staple",
         *       "refresh": "cookie"
         *     }
         */
        readonly AcceptRequest: {
            /**
             * @description Their name. Left out: the one that they were invited by.
             * @example Ben Frost
             */
            readonly name?: string | null;
            /**
             * Format: password
             * @description The password that they will sign in with: at least 10 characters, at most 1,024 bytes.
             * @example correct horse battery staple
             */
            readonly password: string;
            readonly refresh?: components["schemas"]["RefreshPlace"] | null;
        };
        /** @description An API key; its token is not shown again. */
        readonly ApiKey: {
            /** @description When it was made. */
            readonly created_at: components["schemas"]["Time"];
            readonly expires_at: components["schemas"]["Time"] | null;
            /**
             * @description The token's last characters.
             * @example x7Qk
             */
            readonly hint: string;
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            readonly last_used_at: components["schemas"]["Time"] | null;
            /**
             * @description What its user calls it.
             * @example Nightly export
             */
            readonly name: string;
            /** @description How much of what its user may it may. */
            readonly scope: components["schemas"]["Scope"];
            /** @description The same: a key is never changed. */
            readonly updated_at: components["schemas"]["Time"];
            /** @description As whom it acts. */
            readonly user: components["schemas"]["Owner"];
            /**
             * Format: int64
             * @description Counts changes, of which a key has none.
             * @example 1
             */
            readonly version: number;
        };
        /** @description A page of a list. */
        readonly ApiKeyList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["ApiKey"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /**
         * @description A key to be made.
         * @example {
         *       "expires_at": "2027-03-01T00:00:00.000Z",
         *       "name": "Nightly export",
         *       "scope": "read"
         *     }
         */
        readonly ApiKeyRequest: {
            /**
             * @description When it ends by itself: RFC 3339, in whatever zone. Left out: never, or with the API key that makes it.
             * @example 2027-03-01T01:00:00+01:00
             */
            readonly expires_at?: string | null;
            /**
             * @description What to call it.
             * @example Nightly export
             */
            readonly name: string;
            /** @description How much of what the caller may it may. */
            readonly scope: components["schemas"]["Scope"];
        };
        /** @description A file that came with a message. */
        readonly Attachment: {
            /**
             * @description Its media type, as its sender says.
             * @example application/pdf
             */
            readonly content_type: string;
            /**
             * @description Its name; null where it has none.
             * @example invoice.pdf
             */
            readonly filename: string | null;
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /** @description A picture inside of the message's HTML. */
            readonly inline: boolean;
            /**
             * Format: int64
             * @description Its size in bytes.
             * @example 48213
             */
            readonly size: number;
            /** @description Where it can be loaded for an hour or two, without a header. */
            readonly url: string;
        };
        /** @description A file: of a message, or uploaded for one. */
        readonly AttachmentDetail: {
            /**
             * @description Its media type: as its sender says, where its first bytes don't belie it.
             * @example application/pdf
             */
            readonly content_type: string;
            /** @description When it was uploaded, or came in. */
            readonly created_at: components["schemas"]["Time"];
            readonly expires_at: components["schemas"]["Time"] | null;
            /**
             * @description Its name, without directories and characters that are not seen; null where it has none.
             * @example invoice.pdf
             */
            readonly filename: string | null;
            /**
             * Format: uuid
             * @description Its id, for `attachment_ids`, and for `<img src="cid:…">` in the `html` of what is written.
             */
            readonly id: string;
            /** @description A picture inside of its message's HTML. */
            readonly inline: boolean;
            /**
             * Format: uuid
             * @description The message that it belongs to; null while it is not used.
             */
            readonly message_id: string | null;
            /**
             * Format: int64
             * @description Its size in bytes.
             * @example 48213
             */
            readonly size: number;
            /** @description When it was last changed: a file never is. */
            readonly updated_at: components["schemas"]["Time"];
            /** @description Where it can be loaded for an hour or two, without a header. */
            readonly url: string;
            /**
             * Format: int64
             * @description Counts changes: 1.
             */
            readonly version: number;
        };
        /** @description Something that was done in the workspace. */
        readonly AuditEntry: {
            /**
             * @description What was done: the kind of thing and a verb in the past tense. New ones may be added.
             * @example conversation.updated
             */
            readonly action: string;
            readonly actor: components["schemas"]["Author"] | null;
            /**
             * @description The network address that the request came from; null where no request asked for it.
             * @example 192.0.2.7
             */
            readonly address: string | null;
            /** @description What it is since. */
            readonly after: Record<string, unknown> | null;
            /**
             * Format: uuid
             * @description The API key that they did it with; null where they had signed in.
             */
            readonly api_key: string | null;
            /** @description When it was done. */
            readonly at: components["schemas"]["Time"];
            /** @description What the thing was, of what is no content; null where there is nothing to tell. */
            readonly before: Record<string, unknown> | null;
            /**
             * Format: uuid
             * @description Its id; later ones are greater.
             */
            readonly id: string;
            /** @description What it was done to. */
            readonly object: components["schemas"]["AuditObject"];
            /**
             * @description The request's id (`X-Request-Id`), under which it stands in the operator's log; null where there was none.
             * @example 0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11
             */
            readonly request_id: string | null;
        };
        /** @description A page of a list. */
        readonly AuditEntryList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["AuditEntry"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /** @description The thing that something was done to. */
        readonly AuditObject: {
            /**
             * Format: uuid
             * @description Which one; null where it has no id. It may be gone by now.
             */
            readonly id: string | null;
            /**
             * @description What it is.
             * @example conversation
             */
            readonly kind: string;
        };
        /** @description A person, or the mailbox of persons that nobody knows: who wrote, who takes part. */
        readonly Author: {
            /** @description Their picture; null where there is none. */
            readonly avatar_url: string | null;
            /**
             * @description Their address, here.
             * @example bob@customer.example
             */
            readonly email: string;
            /**
             * Format: uuid
             * @description The id of the user, contact or mailbox; null where the sender is none of ours and no contact.
             */
            readonly id: string | null;
            /** @description What they are. */
            readonly kind: components["schemas"]["AuthorKind"];
            /**
             * @description Their name.
             * @example Bob Fisher
             */
            readonly name: string;
        };
        /**
         * @description What an author is.
         * @enum {string}
         */
        readonly AuthorKind: "user" | "contact" | "mailbox";
        /** @description A page of a list. */
        readonly AuthorList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["Author"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /** @description How far the first reading of older mail is. */
        readonly Backfill: {
            /**
             * Format: int32
             * @description Messages read.
             */
            readonly done: number;
            /**
             * Format: int32
             * @description Messages to read in all, as far as known.
             */
            readonly total: number;
        };
        /** @description An element of the stream. */
        readonly Card: {
            /** @description When it became a conversation. */
            readonly created_at: components["schemas"]["Time"];
            /** @description Whether any message has an attachment. */
            readonly has_attachments: boolean;
            /**
             * Format: uuid
             * @description The conversation's id.
             */
            readonly id: string;
            /** @description When it was made, got a message or changed its status. */
            readonly last_activity_at: components["schemas"]["Time"];
            /** @description The last message. */
            readonly last_message: components["schemas"]["LastMessage"];
            /**
             * Format: int32
             * @description How many messages it has.
             */
            readonly message_count: number;
            /**
             * Format: int64
             * @description Its number in the workspace, to say aloud.
             * @example 42
             */
            readonly number: number;
            /** @description Whose it is. */
            readonly owner: components["schemas"]["Owner"];
            /** @description Who the customer is. */
            readonly primary_contact: components["schemas"]["ContactReference"];
            /** @description Open or closed. */
            readonly status: components["schemas"]["Status"];
            /**
             * @description Its first message's subject.
             * @example Order 1234
             */
            readonly subject: string;
            /** @description The last message's type. */
            readonly type: components["schemas"]["MessageType"];
            /** @description Nobody has opened it yet, or somebody marked it unread. */
            readonly unread: boolean;
            /**
             * Format: int32
             * @description Inbound messages since anyone last opened it.
             */
            readonly unseen_replies: number;
            /** @description When it was last changed. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts changes of status, owner and primary contact.
             */
            readonly version: number;
        };
        /** @description A page of a list. */
        readonly CardList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["Card"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /** @description A company. */
        readonly Company: {
            /** @description Where it is. */
            readonly address: components["schemas"]["PostalAddress"];
            /** @description When it was made. */
            readonly created_at: components["schemas"]["Time"];
            /** @description The definitions, in their set order. */
            readonly custom_field_definitions: readonly components["schemas"]["FieldDefinition"][];
            /** @description Every defined custom field by its key; null where it is empty. */
            readonly custom_fields: Record<string, unknown>;
            /** @description What else is known. */
            readonly description: string | null;
            /**
             * @description Its domain.
             * @example customer.example
             */
            readonly domain: string | null;
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /** @description What it does. */
            readonly industry: string | null;
            /**
             * @description Its name.
             * @example Customer Ltd.
             */
            readonly name: string;
            /** @description Its telephone number. */
            readonly phone: string | null;
            /** @description How large it is. */
            readonly size: string | null;
            /** @description When it was last changed. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts changes.
             */
            readonly version: number;
            /** @description Its web address. */
            readonly website: string | null;
        };
        /** @description Changes of a company (JSON Merge Patch): what is left out stays, null clears. */
        readonly CompanyPatchRequest: {
            readonly address?: components["schemas"]["PostalAddressRequest"] | null;
            /** @description Custom fields by their keys; null clears one, what is left out stays. */
            readonly custom_fields?: Record<string, unknown>;
            /** @description What else is known. */
            readonly description?: string | null;
            /**
             * @description Its domain, in small letters.
             * @example customer.example
             */
            readonly domain?: string | null;
            /**
             * @description What it does.
             * @example Logistics
             */
            readonly industry?: string | null;
            /**
             * @description Its name.
             * @example Customer Ltd.
             */
            readonly name?: string;
            /**
             * @description Its telephone number.
             * @example +49 40 123456
             */
            readonly phone?: string | null;
            /**
             * @description How large it is.
             * @example 50-200
             */
            readonly size?: string | null;
            /**
             * @description Its web address: http or https.
             * @example https://customer.example
             */
            readonly website?: string | null;
        };
        /** @description A company to be made. */
        readonly CompanyRequest: {
            readonly address?: components["schemas"]["PostalAddressRequest"] | null;
            /** @description Custom fields by their keys; null clears one, what is left out stays. */
            readonly custom_fields?: Record<string, unknown>;
            /** @description What else is known. */
            readonly description?: string | null;
            /**
             * @description Its domain, in small letters.
             * @example customer.example
             */
            readonly domain?: string | null;
            /**
             * @description What it does.
             * @example Logistics
             */
            readonly industry?: string | null;
            /**
             * @description Its name.
             * @example Customer Ltd.
             */
            readonly name: string;
            /**
             * @description Its telephone number.
             * @example +49 40 123456
             */
            readonly phone?: string | null;
            /**
             * @description How large it is.
             * @example 50-200
             */
            readonly size?: string | null;
            /**
             * @description Its web address: http or https.
             * @example https://customer.example
             */
            readonly website?: string | null;
        };
        /** @description A company, as lists show it: enough to recognise it. Everybody may look up companies. */
        readonly CompanySummary: {
            /** @description When it was made. */
            readonly created_at: components["schemas"]["Time"];
            /**
             * @description Its domain.
             * @example customer.example
             */
            readonly domain: string | null;
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /**
             * @description Its name.
             * @example Customer Ltd.
             */
            readonly name: string;
            /** @description When it was last changed. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts changes.
             */
            readonly version: number;
        };
        /** @description A page of a list. */
        readonly CompanySummaryList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["CompanySummary"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /** @description A contact with all that the sidebar shows. */
        readonly Contact: {
            /** @description Where they are. */
            readonly address: components["schemas"]["PostalAddress"];
            /** @description Their picture; null where there is none. */
            readonly avatar_url: string | null;
            readonly company: components["schemas"]["Company"] | null;
            /** @description When they were made. */
            readonly created_at: components["schemas"]["Time"];
            /** @description The definitions, in their set order. */
            readonly custom_field_definitions: readonly components["schemas"]["FieldDefinition"][];
            /** @description Every defined custom field by its key; null where it is empty. */
            readonly custom_fields: Record<string, unknown>;
            /** @description Their deals, whole. */
            readonly deals: readonly components["schemas"]["Deal"][];
            /** @description What else is known. */
            readonly description: string | null;
            /** @description Their addresses, the primary one first. */
            readonly emails: readonly components["schemas"]["ContactEmail"][];
            /**
             * @description Their first name.
             * @example Bob
             */
            readonly first_name: string | null;
            /**
             * Format: uuid
             * @description Their id.
             */
            readonly id: string;
            /**
             * @description Their last name.
             * @example Fisher
             */
            readonly last_name: string | null;
            /**
             * @description The name to show.
             * @example Bob Fisher
             */
            readonly name: string;
            /** @description Whose they are. Not the owner of their conversations. */
            readonly owner: components["schemas"]["Owner"];
            /** @description Their telephone number. */
            readonly phone: string | null;
            /** @description A name of the IANA database. */
            readonly time_zone: string | null;
            /** @description What they are at work. */
            readonly title: string | null;
            /** @description When they were last changed. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts changes.
             */
            readonly version: number;
            /** @description Their web address. */
            readonly website: string | null;
        };
        /** @description A contact's company. */
        readonly ContactCompanyRequest: {
            /**
             * Format: uuid
             * @description Any company of the workspace: look it up with `GET /v1/companies?q=`, or make it.
             * @example 0198c7e0-7011-7c22-8d33-55e66f778899
             */
            readonly company_id: string;
        };
        /** @description One of a contact's addresses. */
        readonly ContactEmail: {
            /**
             * @description The address.
             * @example bob@customer.example
             */
            readonly address: string;
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /** @description The one that is written to first. */
            readonly primary: boolean;
        };
        /** @description A contact changed: cards show them so from now on (`primary_contact`). */
        readonly ContactEvent: components["schemas"]["EventHead"] & {
            /**
             * Format: uuid
             * @description Always null.
             */
            readonly conversation_id: string | null;
            /** @description The contact as cards show it. */
            readonly data: components["schemas"]["ContactReference"];
            /** @description What happened. */
            readonly type: components["schemas"]["ContactEventType"];
        };
        /**
         * @description What happens to contacts.
         * @enum {string}
         */
        readonly ContactEventType: "contact.updated";
        /** @description Changes of a contact (JSON Merge Patch): what is left out stays, null clears. Addresses, company and deals have operations of their own. */
        readonly ContactPatchRequest: {
            readonly address?: components["schemas"]["PostalAddressRequest"] | null;
            /** @description Custom fields by their keys; null clears one, what is left out stays. */
            readonly custom_fields?: Record<string, unknown>;
            /** @description What else is known. */
            readonly description?: string | null;
            /**
             * @description Their first name.
             * @example Bob
             */
            readonly first_name?: string | null;
            /**
             * @description Their last name.
             * @example Fisher
             */
            readonly last_name?: string | null;
            /**
             * Format: uuid
             * @description Whose they are: an active user. A new one is the caller's. The owner of their conversations stays who it is.
             */
            readonly owner_id?: string;
            /**
             * @description Their telephone number.
             * @example +49 40 123456
             */
            readonly phone?: string | null;
            /**
             * @description A name of the IANA database.
             * @example Europe/Berlin
             */
            readonly time_zone?: string | null;
            /**
             * @description What they are at work.
             * @example Head of Purchasing
             */
            readonly title?: string | null;
            /**
             * @description Their web address: http or https.
             * @example https://customer.example/bob
             */
            readonly website?: string | null;
        };
        /** @description A contact, where only name, address and picture matter. */
        readonly ContactReference: {
            /** @description Their picture; null where there is none. */
            readonly avatar_url: string | null;
            /**
             * @description Their primary address.
             * @example bob@customer.example
             */
            readonly email: string | null;
            /**
             * Format: uuid
             * @description The contact's id.
             */
            readonly id: string;
            /**
             * @description Their name.
             * @example Bob Fisher
             */
            readonly name: string;
        };
        /** @description A contact to be made: somebody outside, known by an address at least. */
        readonly ContactRequest: {
            readonly address?: components["schemas"]["PostalAddressRequest"] | null;
            /** @description Custom fields by their keys; null clears one, what is left out stays. */
            readonly custom_fields?: Record<string, unknown>;
            /** @description What else is known. */
            readonly description?: string | null;
            /** @description Their addresses, 1 to 50; one that another contact has is `taken`. Without a primary one, the first is. */
            readonly emails: readonly components["schemas"]["NewEmailRequest"][];
            /**
             * @description Their first name.
             * @example Bob
             */
            readonly first_name?: string | null;
            /**
             * @description Their last name.
             * @example Fisher
             */
            readonly last_name?: string | null;
            /**
             * Format: uuid
             * @description Whose they are: an active user. A new one is the caller's. The owner of their conversations stays who it is.
             */
            readonly owner_id?: string;
            /**
             * @description Their telephone number.
             * @example +49 40 123456
             */
            readonly phone?: string | null;
            /**
             * @description A name of the IANA database.
             * @example Europe/Berlin
             */
            readonly time_zone?: string | null;
            /**
             * @description What they are at work.
             * @example Head of Purchasing
             */
            readonly title?: string | null;
            /**
             * @description Their web address: http or https.
             * @example https://customer.example/bob
             */
            readonly website?: string | null;
        };
        /** @description A contact, as lists show them. The whole is at `/v1/contacts/{id}`. */
        readonly ContactSummary: {
            /** @description Their picture; null where there is none. */
            readonly avatar_url: string | null;
            readonly company: components["schemas"]["CompanySummary"] | null;
            /** @description When they were made. */
            readonly created_at: components["schemas"]["Time"];
            /** @description Their addresses, the primary one first. */
            readonly emails: readonly components["schemas"]["ContactEmail"][];
            /**
             * @description Their first name.
             * @example Bob
             */
            readonly first_name: string | null;
            /**
             * Format: uuid
             * @description Their id.
             */
            readonly id: string;
            /**
             * @description Their last name.
             * @example Fisher
             */
            readonly last_name: string | null;
            /**
             * @description The name to show.
             * @example Bob Fisher
             */
            readonly name: string;
            /** @description Whose they are. Not the owner of their conversations. */
            readonly owner: components["schemas"]["Owner"];
            /** @description Their telephone number. */
            readonly phone: string | null;
            /** @description What they are at work. */
            readonly title: string | null;
            /** @description When they were last changed. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts changes.
             */
            readonly version: number;
        };
        /** @description A page of a list. */
        readonly ContactSummaryList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["ContactSummary"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /** @description A conversation: its card, and what the window's header and editor need. */
        readonly Conversation: components["schemas"]["Card"] & {
            /** @description What the caller may do here. */
            readonly can: components["schemas"]["ConversationPermissions"];
            /** @description The mailbox that it came in or went out through. */
            readonly mailbox: components["schemas"]["MailboxReference"];
            /** @description The external parties. */
            readonly participants: readonly components["schemas"]["Author"][];
            /** @description What the editor begins with. */
            readonly reply_defaults: components["schemas"]["ReplyDefaults"];
        };
        /** @description A conversation that you see is new or changed: put its card in, whether it was there or not. */
        readonly ConversationEvent: components["schemas"]["EventHead"] & {
            /**
             * Format: uuid
             * @description The conversation.
             */
            readonly conversation_id: string;
            /** @description The card as it is now. */
            readonly data: components["schemas"]["Card"];
            /** @description What happened. */
            readonly type: components["schemas"]["ConversationEventType"];
        };
        /**
         * @description What happens to conversations that one sees.
         * @enum {string}
         */
        readonly ConversationEventType: "conversation.created" | "conversation.updated";
        /** @description What the caller may do here. */
        readonly ConversationPermissions: {
            /** @description Hand over. */
            readonly change_owner: boolean;
            /** @description Open and close. */
            readonly change_status: boolean;
            /** @description Answer: false where there is no mailbox to send from. */
            readonly reply: boolean;
        };
        /**
         * @description A conversation left your view: take its card away. Where it became part of another one,
         *     reading it is answered `conversation_merged`; else it is somebody else's.
         */
        readonly ConversationRemovedEvent: components["schemas"]["EventHead"] & {
            /**
             * Format: uuid
             * @description The conversation.
             */
            readonly conversation_id: string;
            /** @description The conversation. */
            readonly data: components["schemas"]["EventThing"];
            /** @description What happened. */
            readonly type: components["schemas"]["ConversationRemovedEventType"];
        };
        /**
         * @description What happens to conversations that one doesn't see any more.
         * @enum {string}
         */
        readonly ConversationRemovedEventType: "conversation.removed";
        /**
         * @description Changes to a conversation (JSON Merge Patch).
         * @example {
         *       "status": "closed"
         *     }
         */
        readonly ConversationRequest: {
            /**
             * Format: uuid
             * @description Hand it over to an active user. The contact's owner stays who they are.
             */
            readonly owner_id?: string;
            /**
             * Format: uuid
             * @description Another external party of the conversation.
             */
            readonly primary_contact_id?: string;
            /** @description Open or close it. */
            readonly status?: components["schemas"]["Status"];
        };
        /**
         * @description What makes a thread a conversation (CNV-1).
         * @enum {string}
         */
        readonly ConversationStartsOn: "reply" | "first_inbound";
        /** @description How many conversations are open, and how many, open or closed, nobody has opened yet. */
        readonly Count: {
            /**
             * Format: int64
             * @description Open ones.
             */
            readonly open: number;
            /**
             * Format: int64
             * @description Unread ones.
             */
            readonly unread: number;
        };
        /** @description The numbers of the navigation's badge. */
        readonly Counts: {
            readonly all: components["schemas"]["Count"] | null;
            /** @description Those that the caller owns. */
            readonly mine: components["schemas"]["Count"];
        };
        /** @description The definition of a custom field. */
        readonly CustomField: {
            /** @description When it was defined. */
            readonly created_at: components["schemas"]["Time"];
            /** @description What it is defined for. */
            readonly entity: components["schemas"]["Entity"];
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /**
             * @description Its name in `custom_fields`.
             * @example plan
             */
            readonly key: string;
            /**
             * @description Its name for people.
             * @example Plan
             */
            readonly label: string;
            /**
             * @description What may be chosen from, for `select` and `multi_select`.
             * @example [
             *       "Basic",
             *       "Pro"
             *     ]
             */
            readonly options: readonly string[];
            /**
             * Format: int32
             * @description Its place among the fields of its entity: 1 is the first.
             * @example 1
             */
            readonly position: number;
            /** @description Whether it must have a value. */
            readonly required: boolean;
            /** @description What its values are. */
            readonly type: components["schemas"]["CustomFieldType"];
            /** @description When it was last edited. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts edits.
             */
            readonly version: number;
        };
        /** @description A page of a list. */
        readonly CustomFieldList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["CustomField"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /**
         * @description What is to be changed of a definition; what is left out stays. Entity, key and type never change.
         * @example {
         *       "label": "Tariff",
         *       "options": [
         *         "Basic",
         *         "Pro",
         *         "Team"
         *       ],
         *       "position": 2
         *     }
         */
        readonly CustomFieldPatchRequest: {
            /**
             * @description Its name for people.
             * @example Tariff
             */
            readonly label?: string;
            /**
             * @description What may be chosen from. A value that is offered no more stays where it was chosen before, and can't be chosen anew.
             * @example [
             *       "Basic",
             *       "Pro",
             *       "Team"
             *     ]
             */
            readonly options?: readonly string[];
            /**
             * Format: int32
             * @description Its new place: 1 is the first, beyond the end is the last. The others keep their order.
             */
            readonly position?: number;
            /** @description Whether it must have a value. */
            readonly required?: boolean;
        };
        /**
         * @description A field to be defined.
         * @example {
         *       "entity": "contact",
         *       "key": "plan",
         *       "label": "Plan",
         *       "options": [
         *         "Basic",
         *         "Pro"
         *       ],
         *       "position": 1,
         *       "type": "select"
         *     }
         */
        readonly CustomFieldRequest: {
            /** @description What to define it for. It never changes. */
            readonly entity: components["schemas"]["Entity"];
            /**
             * @description Its name in `custom_fields`. It never changes.
             * @example plan
             */
            readonly key: string;
            /**
             * @description Its name for people.
             * @example Plan
             */
            readonly label: string;
            /**
             * @description What may be chosen from: needed for `select` and `multi_select`, for no other. Each once, one line of at most 200
             *     characters.
             * @example [
             *       "Basic",
             *       "Pro"
             *     ]
             */
            readonly options?: readonly string[] | null;
            /**
             * Format: int32
             * @description Its place among the fields of its entity: 1 is the first. Left out, or beyond the end: the last.
             */
            readonly position?: number | null;
            /**
             * @description Whether it must have a value: nobody can make a thing without one, or clear it. Things that were there before may
             *     lack it. Default: false.
             */
            readonly required?: boolean | null;
            /** @description What its values are. It never changes. */
            readonly type: components["schemas"]["CustomFieldType"];
        };
        /**
         * @description What a custom field's values are.
         * @enum {string}
         */
        readonly CustomFieldType: "text" | "long_text" | "number" | "date" | "boolean" | "select" | "multi_select" | "url" | "email" | "phone";
        /** @description A deal. */
        readonly Deal: {
            readonly amount: components["schemas"]["Money"] | null;
            /** @description When it was made. */
            readonly created_at: components["schemas"]["Time"];
            /** @description The definitions, in their set order. */
            readonly custom_field_definitions: readonly components["schemas"]["FieldDefinition"][];
            /** @description Every defined custom field by its key; null where it is empty. */
            readonly custom_fields: Record<string, unknown>;
            /**
             * Format: date
             * @description When it is expected to be decided.
             */
            readonly expected_close_on: string | null;
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /**
             * @description Its name.
             * @example Fifty seats
             */
            readonly name: string;
            /** @description Whose it is. */
            readonly owner: components["schemas"]["Owner"];
            /**
             * @description How far it is.
             * @example Offer sent
             */
            readonly stage: string | null;
            /** @description How it stands. */
            readonly status: components["schemas"]["DealStatus"];
            /** @description When it was last changed. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts changes.
             */
            readonly version: number;
        };
        /** @description Changes of a deal (JSON Merge Patch): what is left out stays, null clears. */
        readonly DealPatchRequest: {
            readonly amount?: components["schemas"]["MoneyRequest"] | null;
            /** @description Custom fields by their keys; null clears one, what is left out stays. */
            readonly custom_fields?: Record<string, unknown>;
            /**
             * Format: date
             * @description When it is expected to be decided.
             */
            readonly expected_close_on?: string | null;
            /**
             * @description Its name.
             * @example Fifty seats
             */
            readonly name?: string;
            /**
             * Format: uuid
             * @description Whose it is: an active user. A new one is the caller's.
             */
            readonly owner_id?: string;
            /**
             * @description How far it is.
             * @example Offer sent
             */
            readonly stage?: string | null;
            /** @description How it stands; a new one is open. */
            readonly status?: components["schemas"]["DealStatus"];
        };
        /** @description A deal to be made; only a name is needed. */
        readonly DealRequest: {
            readonly amount?: components["schemas"]["MoneyRequest"] | null;
            /** @description Custom fields by their keys; null clears one, what is left out stays. */
            readonly custom_fields?: Record<string, unknown>;
            /**
             * Format: date
             * @description When it is expected to be decided.
             */
            readonly expected_close_on?: string | null;
            /**
             * @description Its name.
             * @example Fifty seats
             */
            readonly name: string;
            /**
             * Format: uuid
             * @description Whose it is: an active user. A new one is the caller's.
             */
            readonly owner_id?: string;
            /**
             * @description How far it is.
             * @example Offer sent
             */
            readonly stage?: string | null;
            /** @description How it stands; a new one is open. */
            readonly status?: components["schemas"]["DealStatus"];
        };
        /**
         * @description How a deal stands.
         * @enum {string}
         */
        readonly DealStatus: "open" | "won" | "lost";
        /** @description A deal, as lists show it: enough to recognise it. Everybody may look up deals. */
        readonly DealSummary: {
            /** @description When it was made. */
            readonly created_at: components["schemas"]["Time"];
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /**
             * @description Its name.
             * @example Fifty seats
             */
            readonly name: string;
            /** @description Whose it is. */
            readonly owner: components["schemas"]["Owner"];
            /** @description How it stands. */
            readonly status: components["schemas"]["DealStatus"];
            /** @description When it was last changed. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts changes.
             */
            readonly version: number;
        };
        /** @description A page of a list. */
        readonly DealSummaryList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["DealSummary"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /** @description How a mail that we send fares. */
        readonly Delivery: {
            /**
             * Format: int32
             * @description How often it was tried since it was accepted, or last sent again.
             */
            readonly attempts: number;
            /** @description Those whose copy came back. */
            readonly bounces: readonly components["schemas"]["RecipientDelivery"][];
            readonly can_cancel_until: components["schemas"]["Time"] | null;
            /** @description What is wrong; null where nothing is. */
            readonly error: string | null;
            readonly next_attempt_at: components["schemas"]["Time"] | null;
            /** @description Each recipient. */
            readonly recipients: readonly components["schemas"]["RecipientDelivery"][];
            /** @description How it stands, all recipients taken together. */
            readonly state: components["schemas"]["DeliveryState"];
        };
        /**
         * @description How a mail that we send fares.
         * @enum {string}
         */
        readonly DeliveryState: "queued" | "sending" | "sent" | "partial" | "failed" | "unknown" | "bounced";
        /**
         * @description Which way a message went.
         * @enum {string}
         */
        readonly Direction: "inbound" | "outbound";
        /** @description Changes of one of a contact's addresses (JSON Merge Patch). */
        readonly EmailPatchRequest: {
            /**
             * @description Another address in its place.
             * @example bob@customer.example
             */
            readonly address?: string;
            /**
             * @description `true` makes it the one that is written to first, and another one not any more.
             * @example true
             */
            readonly primary?: boolean;
        };
        /**
         * @description What a custom field is defined for.
         * @enum {string}
         */
        readonly Entity: "contact" | "company" | "deal";
        /** @description One change. Which it is, and what its `data` is, says its `type`. */
        readonly Event: components["schemas"]["ConversationEvent"] | components["schemas"]["ConversationRemovedEvent"] | components["schemas"]["MessageEvent"] | components["schemas"]["ContactEvent"] | components["schemas"]["UserEvent"] | components["schemas"]["ThingEvent"] | components["schemas"]["WholeEvent"];
        /** @description What all events have. */
        readonly EventHead: {
            readonly actor: components["schemas"]["Author"] | null;
            /** @description When. */
            readonly at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Its place in the workspace's log, in the order of the commits. Numbers that are missing are not yours to know.
             * @example 1234
             */
            readonly number: number;
        };
        /** @description What a page missed. */
        readonly EventList: {
            /**
             * @description The changes, in the order of their numbers. Fewer than `limit`, even none, where the log has much that is not
             *     yours to know.
             */
            readonly data: readonly components["schemas"]["Event"][];
            /**
             * Format: int64
             * @description The latest number. Where `next_after` is the same, there is nothing more now.
             * @example 1240
             */
            readonly latest: number;
            /**
             * Format: int64
             * @description What to ask with next (`after`): the log was read up to this number.
             * @example 1234
             */
            readonly next_after: number;
        };
        /** @description A message, as far as an event names it: read it to show it. */
        readonly EventMessage: {
            readonly delivery_state: components["schemas"]["DeliveryState"] | null;
            /**
             * Format: uuid
             * @description The message's id.
             */
            readonly id: string;
            /**
             * Format: uuid
             * @description Its thread's id; null where the message was taken back.
             */
            readonly thread_id: string | null;
        };
        /** @description Nothing more is said. */
        readonly EventNothing: Record<string, unknown>;
        /** @description A thing that is named by its id alone. */
        readonly EventThing: {
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
        };
        /**
         * @description A paid feature's name.
         * @enum {string}
         */
        readonly Feature: "conversations";
        /** @description Where the wish for a paid feature stands. */
        readonly FeatureRequest: {
            /** @description Which feature. */
            readonly feature: components["schemas"]["Feature"];
            /** @description What they wrote to it. */
            readonly message: string | null;
            readonly requested_at: components["schemas"]["Time"] | null;
            readonly requested_by: components["schemas"]["Owner"] | null;
            /** @description How it stands. */
            readonly state: components["schemas"]["FeatureState"];
        };
        /** @description A page of a list. */
        readonly FeatureRequestList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["FeatureRequest"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /**
         * @description The wish for a paid feature.
         * @example {
         *       "feature": "conversations",
         *       "message": "We would like to answer customers together."
         *     }
         */
        readonly FeatureRequestRequest: {
            /** @description Which one. */
            readonly feature: components["schemas"]["Feature"];
            /**
             * @description A word to the operator.
             * @example We would like to answer customers together.
             */
            readonly message?: string | null;
        };
        /** @description Paid features. */
        readonly Features: {
            /** @description The Conversations page. */
            readonly conversations: components["schemas"]["FeatureState"];
        };
        /**
         * @description How a workspace stands to a paid feature (ACC-1).
         * @enum {string}
         */
        readonly FeatureState: "disabled" | "requested" | "enabled";
        /**
         * @description What is wrong with a field. Codes can be added.
         * @enum {string}
         */
        readonly FieldCode: "required" | "unknown_field" | "read_only" | "invalid_type" | "invalid_value" | "invalid_character" | "too_short" | "too_long" | "too_large" | "out_of_range" | "invalid_email" | "invalid_id" | "invalid_time_zone" | "not_allowed" | "taken";
        /** @description The definition of a custom field. */
        readonly FieldDefinition: {
            /**
             * @description Its name in `custom_fields`.
             * @example plan
             */
            readonly key: string;
            /**
             * @description Its name for people.
             * @example Plan
             */
            readonly label: string;
            /**
             * @description What may be chosen from, for `select` and `multi_select`.
             * @example [
             *       "Basic",
             *       "Pro"
             *     ]
             */
            readonly options: readonly string[];
            /** @description Whether it must have a value. */
            readonly required: boolean;
            /** @description What its values are. */
            readonly type: components["schemas"]["CustomFieldType"];
        };
        /** @description One wrong field of a request. */
        readonly FieldError: {
            /** @description What is wrong, for programs. */
            readonly code: components["schemas"]["FieldCode"];
            /**
             * @description What is wrong, for people.
             * @example This is not an e-mail address of the form name@domain.
             */
            readonly detail: string;
            /**
             * @description JSON pointer (RFC 6901) to the field in the body, or `/name` of a query parameter.
             * @example /to/0/address
             */
            readonly pointer: string;
        };
        /**
         * Format: binary
         * @description The bytes of a file.
         */
        readonly FileContent: string;
        /**
         * @description What a mailbox's folder is for.
         * @enum {string}
         */
        readonly FolderRole: "inbox" | "sent" | "other";
        /** @description That the server is up. */
        readonly Health: {
            /**
             * @description Always `ok`.
             * @example ok
             */
            readonly status: string;
        };
        /** @description Something that was read and did not become a message in the usual way. */
        readonly IntakeEntry: {
            /** @description When it was read. */
            readonly created_at: components["schemas"]["Time"];
            /**
             * @description More of it, for people; may be empty.
             * @example This message could not be stored.
             */
            readonly detail: string;
            /**
             * @description Who wrote it; null where that could not be read, and in a colleague's personal mailbox.
             * @example bob@customer.example
             */
            readonly from: string | null;
            /** @description The mail itself is kept: it can be looked at (`…/raw`) and taken in once more (`…/replay`). */
            readonly has_raw: boolean;
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /**
             * Format: uuid
             * @description The message that it became all the same; null where it is none.
             */
            readonly message_id: string | null;
            /** @description Why. */
            readonly reason: components["schemas"]["IntakeReason"];
            /** @description When its server received it. */
            readonly received_at: components["schemas"]["Time"];
            readonly replayed_at: components["schemas"]["Time"] | null;
        };
        /** @description A page of a list. */
        readonly IntakeEntryList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["IntakeEntry"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /**
         * @description Why something that was read did not become a message in the usual way.
         * @enum {string}
         */
        readonly IntakeReason: "failed" | "unparseable" | "too_large" | "automatic" | "bounce" | "unmatched_bounce" | "loop" | "ignored_sender" | "variant";
        /** @description An invitation. */
        readonly Invitation: {
            /**
             * @description The address that it was sent to, to sign in with from then on.
             * @example ben@acme.example
             */
            readonly email: string;
            /** @description When it ends. */
            readonly expires_at: components["schemas"]["Time"];
            /**
             * @description The name that they were invited by.
             * @example Ben Frost
             */
            readonly name: string;
            /** @description What they will be. */
            readonly role: components["schemas"]["Role"];
            /** @description Where. */
            readonly workspace: components["schemas"]["InvitationWorkspace"];
        };
        /**
         * @description Somebody to be asked to join.
         * @example {
         *       "email": "ben@acme.example",
         *       "name": "Ben Frost",
         *       "role": "team_member"
         *     }
         */
        readonly InvitationRequest: {
            /**
             * Format: email
             * @description The address that they will sign in with; the link is sent there.
             * @example ben@acme.example
             */
            readonly email: string;
            /**
             * @description Their name; they may write it otherwise when they accept.
             * @example Ben Frost
             */
            readonly name: string;
            /** @description Any but `owner`. */
            readonly role: components["schemas"]["Role"];
        };
        /** @description Where somebody is asked to join. */
        readonly InvitationWorkspace: {
            /**
             * @description Its name.
             * @example Acme Inc.
             */
            readonly name: string;
            /**
             * @description Its name at sign-in.
             * @example acme
             */
            readonly slug: string;
        };
        /** @description A public Ed25519 key (RFC 8037). */
        readonly Jwk: {
            /**
             * @description The signature algorithm of the tokens' headers.
             * @example EdDSA
             */
            readonly alg: string;
            /**
             * @description The curve.
             * @example Ed25519
             */
            readonly crv: string;
            /** @description The name in the tokens' headers. */
            readonly kid: string;
            /**
             * @description The key's type.
             * @example OKP
             */
            readonly kty: string;
            /**
             * @description What it is for.
             * @example sig
             */
            readonly use: string;
            /** @description The public key, base64url. */
            readonly x: string;
        };
        /** @description The public keys (RFC 7517). */
        readonly Jwks: {
            /** @description One for each key that tokens may be signed with. */
            readonly keys: readonly components["schemas"]["Jwk"][];
        };
        /** @description The last message, as a card shows it. */
        readonly LastMessage: {
            /** @description An automatic reply. */
            readonly automatic: boolean;
            /** @description Which way it went. */
            readonly direction: components["schemas"]["Direction"];
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /**
             * @description The start of its newly written part, at most 200 characters.
             * @example Thank you, that helped.
             */
            readonly preview: string;
            /** @description Who wrote it. */
            readonly sender: components["schemas"]["Author"];
            /** @description Its place in time: when it came in or was accepted. The mail's own date is the message's `sent_at`. */
            readonly sent_at: components["schemas"]["Time"];
            /** @description What it is. */
            readonly type: components["schemas"]["MessageType"];
        };
        /**
         * @description Who signs in.
         * @example {
         *       "email": "ann@acme.example",
         *       "password": "correct horse battery staple",
         *       "workspace": "acme"
         *     }
         */
        readonly LoginRequest: {
            /**
             * Format: email
             * @description The address.
             * @example ann@acme.example
             */
            readonly email: string;
            /**
             * Format: password
             * @description The password.
             * @example correct horse battery staple
             */
            readonly password: string;
            readonly refresh?: components["schemas"]["RefreshPlace"] | null;
            /**
             * @description The workspace's slug. May be left out where the address is known in one workspace only.
             * @example acme
             */
            readonly workspace?: string | null;
        };
        /** @description An address with the name beside it. */
        readonly MailAddress: {
            /**
             * @description The address.
             * @example bob@customer.example
             */
            readonly address: string;
            /**
             * @description The display name; null where there is none.
             * @example Bob Fisher
             */
            readonly name: string | null;
        };
        /** @description An address in a request. */
        readonly MailAddressRequest: string | components["schemas"]["NamedAddressRequest"];
        /** @description A mailbox. */
        readonly Mailbox: {
            /**
             * @description Its address.
             * @example support@acme.example
             */
            readonly address: string;
            /** @description How it signs in at both. */
            readonly auth: components["schemas"]["MailboxAuth"];
            /** @description Whose Authentication-Results are believed; null: nobody's. */
            readonly authserv_id: string | null;
            /** @description How far the first reading is. */
            readonly backfill: components["schemas"]["Backfill"];
            /**
             * Format: int32
             * @description The first connection reads the last so many days.
             * @example 30
             */
            readonly backfill_days: number;
            readonly conversation_starts_on: components["schemas"]["ConversationStartsOn"] | null;
            /** @description When it was connected. */
            readonly created_at: components["schemas"]["Time"];
            /**
             * Format: uuid
             * @description Who owns conversations that come in through a shared one where nothing else says; null where nobody is set.
             */
            readonly default_owner_id: string | null;
            /**
             * @description What stands beside the address; may be empty.
             * @example Acme Support
             */
            readonly display_name: string;
            /**
             * @description Folders that are read beside the inbox and that of sent mail.
             * @example [
             *       "INBOX/Orders"
             *     ]
             */
            readonly folders: readonly string[];
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /** @description The server that is read. */
            readonly imap: components["schemas"]["MailServer"];
            /** @description Whose it is. */
            readonly kind: components["schemas"]["MailboxKind"];
            /** @description What is wrong, for people; null where nothing is. */
            readonly last_error: string | null;
            readonly last_synced_at: components["schemas"]["Time"] | null;
            /**
             * @description All folders that are read, with how far each is: the inbox, that of sent mail, those of `folders`. Empty until the
             *     server was first reached.
             */
            readonly read_folders: readonly components["schemas"]["ReadFolder"][];
            /** @description Who makes the Sent folder's copy. */
            readonly sent_copy: components["schemas"]["SentCopy"];
            /** @description The server that is sent through. */
            readonly smtp: components["schemas"]["MailServer"];
            /** @description How reading goes. */
            readonly state: components["schemas"]["MailboxState"];
            /** @description When it was last changed. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: uuid
             * @description The user of a personal one; null for a shared one.
             */
            readonly user_id: string | null;
            /**
             * Format: int64
             * @description Counts changes.
             */
            readonly version: number;
        };
        /** @description How a mailbox signs in at its servers. */
        readonly MailboxAuth: {
            /** @description With passwords, or with what its provider has granted. */
            readonly kind: components["schemas"]["MailboxAuthKind"];
            /**
             * @description The provider; null where it signs in with passwords.
             * @example google
             */
            readonly provider: string | null;
        };
        /**
         * @description How a mailbox signs in at its servers.
         * @enum {string}
         */
        readonly MailboxAuthKind: "password" | "oauth";
        /**
         * @description Whose a mailbox is.
         * @enum {string}
         */
        readonly MailboxKind: "personal" | "shared";
        /** @description A page of a list. */
        readonly MailboxList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["Mailbox"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /**
         * @description Changes of a mailbox; what is left out stays.
         * @example {
         *       "display_name": "Acme Support",
         *       "imap": {
         *         "password": "new secret"
         *       },
         *       "smtp": {
         *         "password": "new secret"
         *       }
         *     }
         */
        readonly MailboxPatchRequest: {
            /**
             * @description Whose Authentication-Results are believed; null: nobody's.
             * @example mx.acme.example
             */
            readonly authserv_id?: string | null;
            readonly conversation_starts_on?: components["schemas"]["ConversationStartsOn"] | null;
            /**
             * Format: uuid
             * @description Who owns conversations that come in through a shared one where nothing else says; null: nobody is set.
             */
            readonly default_owner_id?: string | null;
            /**
             * @description What stands beside the address; null: nothing.
             * @example Acme Support
             */
            readonly display_name?: string | null;
            /**
             * @description All folders that are read beside the inbox and that of sent mail, with `/` between levels, each named once; an empty
             *     list: none. What was read of one that is named no more stays, and reading goes on there if it is named again.
             * @example [
             *       "INBOX/Orders"
             *     ]
             */
            readonly folders?: readonly string[];
            /**
             * @description The server that is read. A change is used at once, and ends a stop after refused logins. A mailbox that signs in
             *     through its provider uses the provider's servers; with both passwords it signs in with them instead.
             */
            readonly imap?: components["schemas"]["MailServerPatch"];
            /** @description Who makes the Sent folder's copy. */
            readonly sent_copy?: components["schemas"]["SentCopy"];
            /** @description The server that is sent through. */
            readonly smtp?: components["schemas"]["MailServerPatch"];
        };
        /** @description A mailbox, where only its address matters. */
        readonly MailboxReference: {
            /**
             * @description Its address.
             * @example support@acme.example
             */
            readonly address: string;
            /**
             * Format: uuid
             * @description The mailbox's id.
             */
            readonly id: string;
        };
        /**
         * @description A mailbox to be connected.
         * @example {
         *       "address": "support@acme.example",
         *       "display_name": "Acme Support",
         *       "imap": {
         *         "host": "imap.acme.example",
         *         "password": "secret",
         *         "port": 993,
         *         "security": "tls"
         *       },
         *       "kind": "shared",
         *       "smtp": {
         *         "host": "smtp.acme.example",
         *         "password": "secret",
         *         "port": 587,
         *         "security": "starttls"
         *       }
         *     }
         */
        readonly MailboxRequest: {
            /**
             * Format: email
             * @description Its address.
             * @example support@acme.example
             */
            readonly address: string;
            /**
             * @description Whose Authentication-Results are believed: the name that this mailbox's own server writes there.
             * @example mx.acme.example
             */
            readonly authserv_id?: string | null;
            /**
             * Format: int32
             * @description The first connection reads the last so many days. Default: 30.
             * @example 30
             */
            readonly backfill_days?: number | null;
            readonly conversation_starts_on?: components["schemas"]["ConversationStartsOn"] | null;
            /**
             * Format: uuid
             * @description Who owns conversations that come in through a shared one where nothing else says.
             */
            readonly default_owner_id?: string | null;
            /**
             * @description What stands beside the address.
             * @example Acme Support
             */
            readonly display_name?: string | null;
            /**
             * @description Folders that are read beside the inbox and that of sent mail, with `/` between levels, each named once. What is in
             *     one from before is read as the inbox's older mail is; mail that comes to it later is new. They are looked at every 45
             *     seconds.
             * @example [
             *       "INBOX/Orders"
             *     ]
             */
            readonly folders?: readonly string[] | null;
            /** @description The server to read. */
            readonly imap: components["schemas"]["MailServerRequest"];
            /** @description Whose it is. Shared ones are for administrators to connect. */
            readonly kind: components["schemas"]["MailboxKind"];
            readonly sent_copy?: components["schemas"]["SentCopy"] | null;
            /** @description The server to send through. */
            readonly smtp: components["schemas"]["MailServerRequest"];
            /**
             * Format: uuid
             * @description The user of a personal one. Left out: the caller.
             */
            readonly user_id?: string | null;
        };
        /**
         * @description How reading a mailbox goes.
         * @enum {string}
         */
        readonly MailboxState: "new" | "reading" | "failing" | "refused";
        /** @description How trying a mailbox's servers went. */
        readonly MailboxTest: {
            /** @description The server to read. */
            readonly imap: components["schemas"]["ServerTest"];
            /** @description The server to send through. */
            readonly smtp: components["schemas"]["ServerTest"];
        };
        /**
         * @description Settings to try in the place of the stored ones; what is left out is as stored.
         * @example {
         *       "imap": {
         *         "password": "new secret"
         *       }
         *     }
         */
        readonly MailboxTestRequest: {
            readonly imap?: components["schemas"]["MailServerPatch"] | null;
            readonly smtp?: components["schemas"]["MailServerPatch"] | null;
        };
        /** @description A mail as it would leave. */
        readonly MailPreview: {
            /** @description The files that would go with it. */
            readonly attachments: readonly components["schemas"]["Attachment"][];
            /** @description Bcc: nobody else would see them. */
            readonly bcc: readonly components["schemas"]["MailAddress"][];
            /** @description Cc. */
            readonly cc: readonly components["schemas"]["MailAddress"][];
            /** @description From. */
            readonly from: components["schemas"]["MailAddress"];
            /** @description The whole as sanitised HTML, with the pictures' addresses. */
            readonly html: string;
            /** @description Its parts. */
            readonly segments: readonly components["schemas"]["Segment"][];
            /**
             * @description Its subject.
             * @example Re: Order 1234
             */
            readonly subject: string;
            /** @description The whole as plain text: what was written, the signature, the quoted message. */
            readonly text: string;
            /** @description To, each address once in all. */
            readonly to: readonly components["schemas"]["MailAddress"][];
            /** @description What to look at before sending. */
            readonly warnings: readonly components["schemas"]["Warning"][];
        };
        /** @description A provider at which mailboxes can sign in without a password. */
        readonly MailProvider: {
            /**
             * @description Its name for programs.
             * @example google
             */
            readonly id: string;
            /** @description Its server to read. */
            readonly imap: components["schemas"]["ProviderServer"];
            /**
             * @description Its name for people.
             * @example Google
             */
            readonly name: string;
            /** @description Its server to send through. */
            readonly smtp: components["schemas"]["ProviderServer"];
        };
        /** @description A page of a list. */
        readonly MailProviderList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["MailProvider"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /** @description A mail server and the account there; the password is never shown. */
        readonly MailServer: {
            /**
             * @description A name or an address.
             * @example imap.acme.example
             */
            readonly host: string;
            /**
             * Format: int32
             * @description The port.
             * @example 993
             */
            readonly port: number;
            /** @description How the connection is secured. */
            readonly security: components["schemas"]["Security"];
            /**
             * @description The account's name.
             * @example support@acme.example
             */
            readonly username: string;
        };
        /** @description What changes of a mail server and the account there; what is left out stays. */
        readonly MailServerPatch: {
            /**
             * @description A name or an address. With another host, port or security the password is needed again: it goes to no other
             *     server than the one it was given for.
             * @example imap.acme.example
             */
            readonly host?: string;
            /**
             * Format: password
             * @description Stored encrypted, never shown again.
             */
            readonly password?: string;
            /**
             * Format: int32
             * @description The port.
             * @example 993
             */
            readonly port?: number;
            /** @description How the connection is secured. */
            readonly security?: components["schemas"]["Security"];
            /**
             * @description The account's name.
             * @example support@acme.example
             */
            readonly username?: string;
        };
        /** @description A mail server and the account there. */
        readonly MailServerRequest: {
            /**
             * @description A name or an address. Connected to only if it is public, or in a network that the operator has named.
             * @example imap.acme.example
             */
            readonly host: string;
            /**
             * Format: password
             * @description Stored encrypted, never shown again.
             */
            readonly password: string;
            /**
             * Format: int32
             * @description The port.
             * @example 993
             */
            readonly port: number;
            readonly security?: components["schemas"]["Security"] | null;
            /**
             * @description The account's name. Left out: the mailbox's address.
             * @example support@acme.example
             */
            readonly username?: string | null;
        };
        /** @description The signed-in user. */
        readonly Me: {
            /** @description Their picture; null where there is none. */
            readonly avatar_url: string | null;
            /** @description What their role allows. */
            readonly can: components["schemas"]["MyPermissions"];
            /** @description When they were made. */
            readonly created_at: components["schemas"]["Time"];
            /**
             * @description The address that they sign in with.
             * @example ann@acme.example
             */
            readonly email: string;
            /**
             * Format: uuid
             * @description Their id.
             */
            readonly id: string;
            /**
             * @description Their name.
             * @example Ann Lee
             */
            readonly name: string;
            /** @description Their role. */
            readonly role: components["schemas"]["Role"];
            /** @description Whether a new reply has the signature. */
            readonly signature_enabled: boolean;
            /**
             * @description Their signature, sanitised HTML; empty where there is none.
             * @example <p>Ann Lee<br>Acme Inc.</p>
             */
            readonly signature_html: string;
            /**
             * @description A name of the IANA database.
             * @example Europe/Berlin
             */
            readonly time_zone: string;
            /** @description When they were last changed. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts changes.
             */
            readonly version: number;
            /** @description Where they are. */
            readonly workspace: components["schemas"]["MyWorkspace"];
        };
        /**
         * @description Changes to one's own profile (JSON Merge Patch).
         * @example {
         *       "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
         *       "time_zone": "Europe/Berlin"
         *     }
         */
        readonly MeRequest: {
            /**
             * @description 1 to 200 characters.
             * @example Ann Lee
             */
            readonly name?: string;
            /** @description Whether a new reply has the signature. */
            readonly signature_enabled?: boolean;
            /**
             * @description HTML; what could do harm is taken out. Null or empty: none.
             * @example <p>Ann Lee<br>Acme Inc.</p>
             */
            readonly signature_html?: string | null;
            /**
             * @description A name of the IANA database.
             * @example Europe/Berlin
             */
            readonly time_zone?: string;
        };
        /** @description A message. */
        readonly Message: {
            /** @description Its files. */
            readonly attachments: readonly components["schemas"]["Attachment"][];
            /** @description Who wrote it. */
            readonly author: components["schemas"]["Author"];
            /** @description An automatic reply. */
            readonly automatic: boolean;
            /** @description Bcc, of outbound messages. */
            readonly bcc: readonly components["schemas"]["MailAddress"][];
            /** @description Cc. */
            readonly cc: readonly components["schemas"]["MailAddress"][];
            /**
             * Format: uuid
             * @description The conversation; null while nobody has answered (CNV-1).
             */
            readonly conversation_id: string | null;
            /** @description When it was stored. */
            readonly created_at: components["schemas"]["Time"];
            readonly delivery: components["schemas"]["Delivery"] | null;
            /** @description Which way it went. */
            readonly direction: components["schemas"]["Direction"];
            /** @description From, as it stands in the mail. */
            readonly from: components["schemas"]["MailAddress"];
            /** @description The whole as sanitised HTML; null where the mail has none. */
            readonly html: string | null;
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /** @description What was unusual about it, for people. */
            readonly notices: readonly string[];
            /** @description The start of its newly written part, at most 200 characters. */
            readonly preview: string;
            /** @description When it came in or was accepted: its place in the window. */
            readonly received_at: components["schemas"]["Time"];
            /** @description Its parts. */
            readonly segments: readonly components["schemas"]["Segment"][];
            readonly sent_at: components["schemas"]["Time"] | null;
            /** @description On which side it stands. */
            readonly side: components["schemas"]["Side"];
            /**
             * @description Its subject.
             * @example Re: Order 1234
             */
            readonly subject: string;
            /** @description The whole as plain text. */
            readonly text: string;
            /**
             * Format: uuid
             * @description The thread.
             */
            readonly thread_id: string;
            /** @description Why it stands here. */
            readonly threading: components["schemas"]["Threading"];
            /** @description To. */
            readonly to: readonly components["schemas"]["MailAddress"][];
            /** @description What it is. */
            readonly type: components["schemas"]["MessageType"];
            /** @description When it was last changed, such as by its delivery. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts changes.
             */
            readonly version: number;
        };
        /** @description A message came in, was accepted, went on in its delivery, was understood anew or was taken back: read it to show it. */
        readonly MessageEvent: components["schemas"]["EventHead"] & {
            /**
             * Format: uuid
             * @description Its conversation; null while nobody has answered (CNV-1).
             */
            readonly conversation_id: string | null;
            /** @description The message. */
            readonly data: components["schemas"]["EventMessage"];
            /** @description What happened. */
            readonly type: components["schemas"]["MessageEventType"];
        };
        /**
         * @description What happens to messages.
         * @enum {string}
         */
        readonly MessageEventType: "message.created" | "message.updated" | "message.removed";
        /** @description A page of a list. */
        readonly MessageList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["Message"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /**
         * @description What a message is.
         * @enum {string}
         */
        readonly MessageType: "email";
        /** @description An amount of money. */
        readonly Money: {
            /**
             * @description With a point, and as many places as the currency has.
             * @example 1250.00
             */
            readonly amount: string;
            /**
             * @description ISO 4217.
             * @example EUR
             */
            readonly currency: string;
        };
        /** @description An amount of money, both parts together. */
        readonly MoneyRequest: {
            /**
             * @description Digits with a point: exactly what is written, with no more places than the currency has.
             * @example 1250.00
             */
            readonly amount: string;
            /**
             * @description ISO 4217, three capital letters.
             * @example EUR
             */
            readonly currency: string;
        };
        /** @description What somebody's role allows. */
        readonly MyPermissions: {
            /** @description Define custom fields. */
            readonly manage_custom_fields: boolean;
            /** @description Connect and change shared mailboxes. */
            readonly manage_mailboxes: boolean;
            /** @description Invite users, change roles, deactivate. */
            readonly manage_users: boolean;
            /** @description See every conversation. */
            readonly view_all: boolean;
        };
        /** @description The workspace, as far as everybody needs it. */
        readonly MyWorkspace: {
            /** @description Its paid features. */
            readonly features: components["schemas"]["Features"];
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /**
             * @description Its name.
             * @example Acme Inc.
             */
            readonly name: string;
            /**
             * @description Its name in addresses and at sign-in.
             * @example acme
             */
            readonly slug: string;
        };
        /** @description An address with the name beside it. */
        readonly NamedAddressRequest: {
            /**
             * @description The address.
             * @example bob@customer.example
             */
            readonly address: string;
            /**
             * @description The display name.
             * @example Bob Fisher
             */
            readonly name?: string | null;
        };
        /** @description A key that was just made, with its token. */
        readonly NewApiKey: components["schemas"]["ApiKey"] & {
            /**
             * @description For `Authorization: Bearer …`. Shown now and never again.
             * @example pr_AZjH0BorfD2OT1prfI2eDwq1gE0W2cVb8uJt5sY3nXo7LrKfHiPdMzQeTgUaBy7Q
             */
            readonly token: string;
        };
        /** @description An address for a contact. */
        readonly NewEmailRequest: {
            /**
             * @description The address: no other contact's, and none of a user or mailbox of the workspace.
             * @example bob@customer.example
             */
            readonly address: string;
            /** @description Whether it is the one that is written to first; left out: it is not. */
            readonly primary?: boolean;
        };
        /**
         * @description A new mail.
         * @example {
         *       "mailbox_id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
         *       "subject": "Your order 1234",
         *       "text": "Your order has left our house today.",
         *       "to": [
         *         {
         *           "address": "bob@customer.example",
         *           "name": "Bob Fisher"
         *         }
         *       ]
         *     }
         */
        readonly NewMailRequest: {
            /**
             * @description Files that the caller has uploaded and not used yet, at most 25 MiB together. A picture that `html` shows by
             *     `<img src="cid:{id}">` stands in its place in the text.
             */
            readonly attachment_ids?: readonly string[] | null;
            /** @description In blind copy: nobody else sees them. */
            readonly bcc?: readonly components["schemas"]["MailAddressRequest"][] | null;
            /** @description In copy. */
            readonly cc?: readonly components["schemas"]["MailAddressRequest"][] | null;
            /** @description HTML; this or `text`. What could do harm is taken out. */
            readonly html?: string | null;
            /** @description Left out: the writer's setting. */
            readonly include_signature?: boolean | null;
            /**
             * Format: uuid
             * @description The mailbox to send from.
             */
            readonly mailbox_id: string;
            /**
             * @description One line, at most 500 characters.
             * @example Your order 1234
             */
            readonly subject: string;
            /**
             * @description Plain text; this or `html`.
             * @example Your order has left our house today.
             */
            readonly text?: string | null;
            /** @description Recipients, at least one. */
            readonly to: readonly components["schemas"]["MailAddressRequest"][];
        };
        /**
         * @description A new password, by who has the link.
         * @example {
         *       "password": "a field of blue barley"
         *     }
         */
        readonly NewPasswordRequest: {
            /**
             * Format: password
             * @description At least 10 characters, at most 1,024 bytes.
             * @example a field of blue barley
             */
            readonly password: string;
        };
        /**
         * @description A mailbox to be connected through its provider.
         * @example {
         *       "address": "support@acme.example",
         *       "code": "4/0AdQt",
         *       "display_name": "Acme Support",
         *       "kind": "shared",
         *       "state": "AWqk"
         *     }
         */
        readonly OAuthMailboxRequest: {
            /**
             * Format: email
             * @description Its address.
             * @example support@acme.example
             */
            readonly address: string;
            /**
             * Format: int32
             * @description The first connection reads the last so many days. Default: 30.
             * @example 30
             */
            readonly backfill_days?: number | null;
            /**
             * @description As the browser came back with it. Good once, and for a short time.
             * @example 4/0AdQt
             */
            readonly code: string;
            readonly conversation_starts_on?: components["schemas"]["ConversationStartsOn"] | null;
            /**
             * Format: uuid
             * @description Who owns conversations that come in through a shared one where nothing else says.
             */
            readonly default_owner_id?: string | null;
            /**
             * @description What stands beside the address.
             * @example Acme Support
             */
            readonly display_name?: string | null;
            /**
             * @description Folders that are read beside the inbox and that of sent mail, with `/` between levels, each named once.
             * @example [
             *       "INBOX/Orders"
             *     ]
             */
            readonly folders?: readonly string[] | null;
            /** @description Whose it is. Shared ones are for administrators to connect. */
            readonly kind: components["schemas"]["MailboxKind"];
            /**
             * @description As the browser came back with it.
             * @example AWqk
             */
            readonly state: string;
            /**
             * Format: uuid
             * @description The user of a personal one. Left out: the caller.
             */
            readonly user_id?: string | null;
            /**
             * @description The account's name at the provider. Left out: the mailbox's address. A shared mailbox of Microsoft 365 is signed in
             *     to under its own name, with the access of somebody who may use it.
             * @example support@acme.example
             */
            readonly username?: string | null;
        };
        /** @description A user, where only name and picture matter. */
        readonly Owner: {
            /** @description Their picture; null where there is none. */
            readonly avatar_url: string | null;
            /**
             * Format: uuid
             * @description The user's id.
             */
            readonly id: string;
            /**
             * @description Their name.
             * @example Ann Lee
             */
            readonly name: string;
        };
        /**
         * @description Another password, by who knows the present one.
         * @example {
         *       "current_password": "correct horse battery staple",
         *       "new_password": "a field of blue barley"
         *     }
         */
        readonly PasswordRequest: {
            /**
             * Format: password
             * @description The present one.
             * @example correct horse battery staple
             */
            readonly current_password: string;
            /**
             * Format: password
             * @description The new one: at least 10 characters, at most 1,024 bytes.
             * @example a field of blue barley
             */
            readonly new_password: string;
        };
        /** @description A picture to upload. */
        readonly PictureRequest: {
            /**
             * Format: binary
             * @description The picture, at most 5 MiB and 32 million pixels: PNG, JPEG, GIF or WebP.
             */
            readonly file: string;
        };
        /** @description Where somebody is. */
        readonly PostalAddress: {
            /**
             * @description City.
             * @example Hamburg
             */
            readonly city: string | null;
            /**
             * @description Country.
             * @example Germany
             */
            readonly country: string | null;
            /**
             * @description Postal code.
             * @example 20457
             */
            readonly postal_code: string | null;
            /** @description Region or state. */
            readonly region: string | null;
            /**
             * @description Street and number.
             * @example 1 Harbour Street
             */
            readonly street: string | null;
        };
        /** @description Where somebody is, in a request. What is left out stays as it is, null clears it. */
        readonly PostalAddressRequest: {
            /**
             * @description City.
             * @example Hamburg
             */
            readonly city?: string | null;
            /**
             * @description Country.
             * @example Germany
             */
            readonly country?: string | null;
            /**
             * @description Postal code.
             * @example 20457
             */
            readonly postal_code?: string | null;
            /** @description Region or state. */
            readonly region?: string | null;
            /**
             * @description Street and number.
             * @example 1 Harbour Street
             */
            readonly street?: string | null;
        };
        /** @description Somebody is in a conversation. */
        readonly Presence: {
            /**
             * Format: uuid
             * @description The conversation's id.
             */
            readonly conversation_id: string;
            /** @description They are gone then, unless they say so again. */
            readonly expires_at: components["schemas"]["Time"];
            /** @description What they do. */
            readonly state: components["schemas"]["PresenceState"];
            /** @description Who. */
            readonly user: components["schemas"]["Author"];
        };
        /** @description A page of a list. */
        readonly PresenceList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["Presence"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /**
         * @description What the caller does in a conversation.
         * @example {
         *       "state": "viewing"
         *     }
         */
        readonly PresenceRequest: {
            /** @description What they do. */
            readonly state: components["schemas"]["PresenceState"];
        };
        /**
         * @description What somebody does in a conversation.
         * @enum {string}
         */
        readonly PresenceState: "viewing" | "writing";
        /** @description An error (RFC 9457). Further members belong to single codes; the page at `type` tells them. */
        readonly Problem: {
            /** @description The stable name to branch on. */
            readonly code: components["schemas"]["ProblemCode"];
            /** @description The thing as it is now, for `stale_version` alone. */
            readonly current?: Record<string, unknown> | null;
            /**
             * @description What happened this time, for people.
             * @example There is nothing at this address.
             */
            readonly detail: string;
            /** @description Every wrong field, for `validation_failed` alone. */
            readonly errors?: readonly components["schemas"]["FieldError"][];
            /**
             * @description The feature that is not enabled, for `feature_not_enabled` alone.
             * @example conversations
             */
            readonly feature?: string | null;
            /**
             * Format: uuid
             * @description The newest message, for `conversation_moved_on` alone.
             */
            readonly latest_message_id?: string | null;
            /**
             * Format: uuid
             * @description The conversation under which it goes on, for `conversation_merged` alone.
             */
            readonly merged_into?: string | null;
            /**
             * Format: int64
             * @description The earliest position that can still be asked for, for `events_expired` alone.
             */
            readonly oldest_after?: number | null;
            /**
             * @description The address at which to ask for it, for `feature_not_enabled` alone.
             * @example /v1/workspace/feature-requests
             */
            readonly request_access?: string | null;
            /**
             * @description The request's id, the same as in the `X-Request-Id` header: name it when you ask for help.
             * @example 0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11
             */
            readonly request_id: string;
            /**
             * Format: int32
             * @description The HTTP status.
             * @example 404
             */
            readonly status: number;
            /**
             * @description The short sentence that is the same for every occurrence of the code.
             * @example Not found
             */
            readonly title: string;
            /**
             * @description The address of this code's documentation, on this server.
             * @example /docs/errors/not_found
             */
            readonly type: string;
        };
        /**
         * @description What went wrong: branch on it. Codes can be added; a code never changes its meaning.
         * @enum {string}
         */
        readonly ProblemCode: "malformed_request" | "malformed_json" | "invalid_cursor" | "not_authenticated" | "invalid_credentials" | "invalid_refresh_token" | "feature_not_enabled" | "role_not_allowed" | "scope_not_allowed" | "api_key_not_allowed" | "view_not_allowed" | "origin_not_allowed" | "not_author" | "link_expired" | "not_found" | "method_not_allowed" | "conversation_moved_on" | "already_sending" | "nothing_to_retry" | "may_duplicate" | "nothing_kept" | "no_external_party" | "not_invited" | "mail_not_configured" | "primary_email" | "idempotency_in_progress" | "conversation_merged" | "events_expired" | "stale_version" | "body_too_large" | "unsupported_media_type" | "validation_failed" | "idempotency_key_reused" | "no_sending_mailbox" | "rate_limited" | "internal" | "provider_refused" | "unavailable";
        /** @description A mail server of a provider's. */
        readonly ProviderServer: {
            /**
             * @description A name or an address.
             * @example imap.gmail.com
             */
            readonly host: string;
            /**
             * Format: int32
             * @description The port.
             * @example 993
             */
            readonly port: number;
            /** @description How the connection is secured. */
            readonly security: components["schemas"]["Security"];
        };
        /** @description A folder that is read, or will be once the server has it. */
        readonly ReadFolder: {
            /** @description How far the first reading is. */
            readonly backfill: components["schemas"]["Backfill"];
            /** @description The server has it. One that is made later is read from then on. */
            readonly found: boolean;
            /**
             * @description Its name, with `/` between levels.
             * @example INBOX/Orders
             */
            readonly name: string;
            /** @description What it is for. */
            readonly role: components["schemas"]["FolderRole"];
        };
        /** @description How one recipient's copy fares. */
        readonly RecipientDelivery: {
            /**
             * @description The address.
             * @example bob@customer.example
             */
            readonly address: string;
            /** @description What went wrong, in words, with the server's own behind it; null where nothing did. */
            readonly error: string | null;
            /** @description How it stands. */
            readonly state: components["schemas"]["DeliveryState"];
        };
        /**
         * @description Where a client keeps its refresh token.
         * @enum {string}
         */
        readonly RefreshPlace: "body" | "cookie";
        /** @description The refresh token, unless it is in the cookie. */
        readonly RefreshRequest: {
            /** @description The newest `refresh_token`. Left out: the cookie is taken. */
            readonly refresh_token?: string | null;
        };
        /** @description What became of an entry that was taken in once more. */
        readonly Replay: {
            /**
             * Format: uuid
             * @description The conversation that a new message stands in; null where there is none.
             */
            readonly conversation_id: string | null;
            /** @description The entry as it is now. */
            readonly entry: components["schemas"]["IntakeEntry"];
            /** @description What became of it. */
            readonly outcome: components["schemas"]["ReplayOutcome"];
        };
        /**
         * @description What became of a mail that was taken in once more.
         * @enum {string}
         */
        readonly ReplayOutcome: "stored" | "known" | "bounce" | "ignored" | "unparseable";
        /** @description What the editor begins with. */
        readonly ReplyDefaults: {
            /** @description The other parties; nobody where they are more than 50. */
            readonly cc: readonly components["schemas"]["MailAddress"][];
            /** @description How many other parties are not in `cc` because they are more than 50: whoever wants to write to them names them. */
            readonly cc_left_out: number;
            readonly from: components["schemas"]["MailAddress"] | null;
            /** @description The caller's setting. */
            readonly include_signature: boolean;
            /** @description The caller's signature, sanitised HTML. */
            readonly signature_html: string;
            /**
             * @description The subject that the reply will have.
             * @example Re: Order 1234
             */
            readonly subject: string;
            /** @description Whom the reply goes to. */
            readonly to: readonly components["schemas"]["MailAddress"][];
        };
        /**
         * @description A reply.
         * @example {
         *       "include_signature": true,
         *       "text": "Thank you, that is on its way."
         *     }
         */
        readonly ReplyRequest: {
            /**
             * @description Files that the caller has uploaded and not used yet, at most 25 MiB together. A picture that `html` shows by
             *     `<img src="cid:{id}">` stands in its place in the text.
             */
            readonly attachment_ids?: readonly string[] | null;
            /** @description In blind copy: nobody else sees them. */
            readonly bcc?: readonly components["schemas"]["MailAddressRequest"][] | null;
            /** @description In copy. Left out: `reply_defaults.cc`. */
            readonly cc?: readonly components["schemas"]["MailAddressRequest"][] | null;
            /** @description Send although a newer message has come. */
            readonly force?: boolean | null;
            /** @description HTML; this or `text`. What could do harm is taken out. */
            readonly html?: string | null;
            /** @description Whether the last message stands below. Default: true. */
            readonly include_quote?: boolean | null;
            /** @description Left out: the writer's setting. */
            readonly include_signature?: boolean | null;
            /**
             * Format: uuid
             * @description The last message that the writer has seen: if a newer one has come, the reply is refused with
             *     `conversation_moved_on`.
             */
            readonly last_seen_message_id?: string | null;
            /**
             * @description Plain text; this or `html`.
             * @example Thank you, that is on its way.
             */
            readonly text?: string | null;
            /** @description Recipients. Left out: `reply_defaults.to`. */
            readonly to?: readonly components["schemas"]["MailAddressRequest"][] | null;
        };
        /**
         * @description Who has forgotten their password.
         * @example {
         *       "email": "ann@acme.example",
         *       "workspace": "acme"
         *     }
         */
        readonly ResetRequest: {
            /**
             * Format: email
             * @description The address that they sign in with.
             * @example ann@acme.example
             */
            readonly email: string;
            /**
             * @description The workspace's slug. Left out: wherever the address is known.
             * @example acme
             */
            readonly workspace?: string | null;
        };
        /**
         * @description How a message is to be sent again.
         * @example {
         *       "accept_duplicate": true
         *     }
         */
        readonly RetryRequest: {
            /** @description Send it although somebody may get a second copy: needed after `unknown`. Default: false. */
            readonly accept_duplicate?: boolean | null;
        };
        /**
         * @description What somebody may do in the workspace.
         * @enum {string}
         */
        readonly Role: "owner" | "administrator" | "manager" | "team_member";
        /**
         * @description How much of what its user may an API key may. Each includes those before it.
         * @enum {string}
         */
        readonly Scope: "read" | "write" | "admin";
        /**
         * @description How a connection to a mail server is secured.
         * @enum {string}
         */
        readonly Security: "tls" | "starttls" | "none";
        /** @description How far somebody has read. */
        readonly SeenRequest: {
            /**
             * Format: uuid
             * @description The last message that was shown; left out, the newest. It never moves back.
             */
            readonly message_id?: string | null;
        };
        /** @description A part of a message; joined, the parts are the whole. */
        readonly Segment: {
            /** @description Its sanitised HTML; null where the message has none. */
            readonly html: string | null;
            /** @description What it is. */
            readonly kind: components["schemas"]["SegmentKind"];
            /** @description Its plain text. */
            readonly text: string;
        };
        /**
         * @description What a part of a message is.
         * @enum {string}
         */
        readonly SegmentKind: "new" | "quote" | "signature" | "forwarded";
        /**
         * @description Who makes the Sent folder's copy of what is sent.
         * @enum {string}
         */
        readonly SentCopy: "auto" | "append" | "server";
        /**
         * @description What is wrong with a mail server.
         * @enum {string}
         */
        readonly ServerFault: "name_not_found" | "address_not_allowed" | "port_not_allowed" | "plain_not_allowed" | "unreachable" | "timed_out" | "certificate_not_valid" | "tls_failed" | "no_starttls" | "not_a_mail_server" | "no_login_mechanism" | "login_refused" | "sign_in_needed" | "provider_unavailable" | "provider_refused" | "unavailable" | "throttled" | "command_refused" | "connection_lost" | "not_understood";
        /** @description How trying one server went. */
        readonly ServerTest: {
            /**
             * @description What is wrong, for people; null where nothing is.
             * @example refused login
             */
            readonly detail: string | null;
            readonly fault: components["schemas"]["ServerFault"] | null;
            /** @description Signing in worked. */
            readonly ok: boolean;
        };
        /**
         * @description On which side of the window a message stands (WIN-2).
         * @enum {string}
         */
        readonly Side: "internal" | "external";
        /**
         * @description A mailbox that signs in through its provider from now on, or anew.
         * @example {
         *       "code": "4/0AdQt",
         *       "state": "AWqk"
         *     }
         */
        readonly SignedInRequest: {
            /**
             * @description As the browser came back with it. Good once, and for a short time.
             * @example 4/0AdQt
             */
            readonly code: string;
            /**
             * @description As the browser came back with it.
             * @example AWqk
             */
            readonly state: string;
            /**
             * @description The account's name at the provider. Left out: the mailbox's address.
             * @example support@acme.example
             */
            readonly username?: string | null;
        };
        /** @description A sign-in that was begun. */
        readonly SignInAtProvider: {
            /**
             * @description Where to send the browser. It comes back to the operator's redirect address with `code` and `state`.
             * @example https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id=postroom&state=AWqk
             */
            readonly authorization_url: string;
            /** @description The way back must be taken before. */
            readonly expires_at: components["schemas"]["Time"];
            /**
             * @description What the browser comes back with, to be compared.
             * @example AWqk
             */
            readonly state: string;
        };
        /**
         * @description A sign-in to begin.
         * @example {
         *       "address": "support@acme.example",
         *       "provider": "google"
         *     }
         */
        readonly SignInRequest: {
            /**
             * Format: email
             * @description The mailbox's address, which the provider proposes then.
             * @example support@acme.example
             */
            readonly address?: string | null;
            /**
             * @description Which provider: an `id` of the list.
             * @example google
             */
            readonly provider: string;
        };
        /**
         * @description Whether the team still has something to do.
         * @enum {string}
         */
        readonly Status: "open" | "closed";
        /** @description Why the stream ended: the last message on it, `end`. */
        readonly StreamEnd: {
            /** @description Why. */
            readonly reason: components["schemas"]["StreamEndReason"];
        };
        /**
         * @description Why a stream ended.
         * @enum {string}
         */
        readonly StreamEndReason: "signed_out" | "key_revoked" | "deactivated" | "role_changed" | "feature_disabled" | "events_expired" | "stopping";
        /** @description A company, deal or mailbox changed: read it anew where it is shown. */
        readonly ThingEvent: components["schemas"]["EventHead"] & {
            /**
             * Format: uuid
             * @description Always null.
             */
            readonly conversation_id: string | null;
            /** @description The thing. */
            readonly data: components["schemas"]["EventThing"];
            /** @description What happened. */
            readonly type: components["schemas"]["ThingEventType"];
        };
        /**
         * @description What happens to things that are named by their ids alone.
         * @enum {string}
         */
        readonly ThingEventType: "company.updated" | "deal.updated" | "mailbox.updated" | "mailbox.loop";
        /** @description Messages that belong together. */
        readonly Thread: {
            /** @description Who wrote the first message. */
            readonly author: components["schemas"]["Author"];
            /**
             * Format: uuid
             * @description The conversation that it is by now; null while it waits for a reply.
             */
            readonly conversation_id: string | null;
            /** @description When it was begun. */
            readonly created_at: components["schemas"]["Time"];
            /**
             * Format: uuid
             * @description Its first message; `GET /v1/messages/{id}` shows it.
             */
            readonly first_message_id: string;
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /** @description The place in time of its last message. */
            readonly last_message_at: components["schemas"]["Time"];
            /** @description The mailbox that its first message came to or left through. */
            readonly mailbox: components["schemas"]["MailboxReference"];
            /**
             * Format: int64
             * @description How many messages it has.
             */
            readonly message_count: number;
            /**
             * @description The beginning of what was newly written in its first message.
             * @example Hello Bob, it is on its way.
             */
            readonly preview: string;
            /** @description Whom the first message is addressed to. */
            readonly recipients: readonly components["schemas"]["MailAddress"][];
            /**
             * @description Its first message's subject.
             * @example Your new grinder
             */
            readonly subject: string;
            /** @description When its last message came. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts its messages: nothing else of it changes.
             */
            readonly version: number;
        };
        /** @description Why a message stands in its thread (MAIL-11). */
        readonly Threading: {
            /** @description The Message-ID that matched; null where none did. */
            readonly matched: string | null;
            /**
             * @description The rule: `reference`, `conversation_token`, `subject_and_party`, `new_thread` or `late_parent`.
             * @example reference
             */
            readonly rule: string;
            /** @description The sender had taken part before, or was addressed: warn where this is false. */
            readonly sender_known: boolean;
            /** @description The sender is proven to be who they say: warn where this is false. */
            readonly sender_verified: boolean;
        };
        /** @description A page of a list. */
        readonly ThreadList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["Thread"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /** @description What the live stream is opened with where no header can be sent. */
        readonly Ticket: {
            /**
             * @description For `GET /v1/events/stream?ticket=…`, and nothing else. Good for as many connections as you like while the session
             *     lives.
             * @example prt_AZjH4H1OfD-aUw0vWx86EQ
             */
            readonly ticket: string;
        };
        /**
         * Format: date-time
         * @description A moment: RFC 3339 in UTC with milliseconds and `Z`.
         * @example 2026-03-01T09:30:00.000Z
         */
        readonly Time: string;
        /** @description A session's tokens. */
        readonly Tokens: {
            /** @description For `Authorization: Bearer …`. */
            readonly access_token: string;
            /**
             * Format: int64
             * @description How long the access token is good for, in seconds.
             * @example 900
             */
            readonly expires_in: number;
            /** @description Good for one exchange; null where it is in the cookie. */
            readonly refresh_token: string | null;
            /**
             * @description Always `Bearer`.
             * @example Bearer
             */
            readonly token_type: string;
            /** @description Who has signed in. */
            readonly user: components["schemas"]["Me"];
        };
        /** @description A file to upload. */
        readonly UploadRequest: {
            /**
             * Format: binary
             * @description The file, at most 25 MiB, with `filename` and `Content-Type`.
             */
            readonly file: string;
        };
        /** @description A user of the workspace. */
        readonly User: {
            /** @description Whether they may sign in. */
            readonly active: boolean;
            /** @description Their picture; null where there is none. */
            readonly avatar_url: string | null;
            /** @description When they were made. */
            readonly created_at: components["schemas"]["Time"];
            /**
             * @description The address that they sign in with.
             * @example ann@acme.example
             */
            readonly email: string;
            /**
             * Format: uuid
             * @description Their id.
             */
            readonly id: string;
            /**
             * @description Their name.
             * @example Ann Lee
             */
            readonly name: string;
            /** @description Their role. */
            readonly role: components["schemas"]["Role"];
            /** @description Why they may not, where they may not. */
            readonly status: components["schemas"]["UserStatus"];
            /** @description When they were last changed. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts changes.
             */
            readonly version: number;
        };
        /** @description A user changed: cards show them so from now on (`owner`). */
        readonly UserEvent: components["schemas"]["EventHead"] & {
            /**
             * Format: uuid
             * @description Always null.
             */
            readonly conversation_id: string | null;
            /** @description The user as cards show them. */
            readonly data: components["schemas"]["Owner"];
            /** @description What happened. */
            readonly type: components["schemas"]["UserEventType"];
        };
        /**
         * @description What happens to users.
         * @enum {string}
         */
        readonly UserEventType: "user.updated";
        /** @description A page of a list. */
        readonly UserList: {
            /** @description The elements. */
            readonly data: readonly components["schemas"]["User"][];
            /** @description What to ask with for the next page (`cursor`); null on the last one. */
            readonly next_cursor: string | null;
        };
        /**
         * @description Changes to a user (JSON Merge Patch).
         * @example {
         *       "active": false,
         *       "reassign_to": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11"
         *     }
         */
        readonly UserRequest: {
            /**
             * @description `false`: they leave, and what they own goes to somebody else; one who has not accepted yet can't any more.
             *     `true`: they come back.
             * @example false
             */
            readonly active?: boolean;
            /**
             * Format: uuid
             * @description Who gets a leaver's conversations, contacts and deals: an active user. Left out or null: the workspace's owner.
             */
            readonly reassign_to?: string | null;
            /** @description Any but `owner`; the owner's own stays. */
            readonly role?: components["schemas"]["Role"];
        };
        /**
         * @description Whether somebody may sign in.
         * @enum {string}
         */
        readonly UserStatus: "active" | "invited" | "deactivated";
        /** @description Something to look at before sending. Nothing is forbidden by it. */
        readonly Warning: {
            /**
             * @description Whom it is about; empty where it is about the mail as a whole.
             * @example [
             *       "eve@rival.example"
             *     ]
             */
            readonly addresses: readonly string[];
            /** @description What it is about. */
            readonly code: components["schemas"]["WarningCode"];
            /**
             * @description The same for people.
             * @example They have never been part of this conversation.
             */
            readonly detail: string;
        };
        /**
         * @description What a warning is about.
         * @enum {string}
         */
        readonly WarningCode: "new_recipient" | "other_company" | "no_reply_address" | "missing_attachment" | "many_recipients" | "empty_subject" | "conversation_moved_on" | "copies_left_out" | "reply_to_elsewhere";
        /** @description The workspace changed, or all that you see: read it anew. */
        readonly WholeEvent: components["schemas"]["EventHead"] & {
            /**
             * Format: uuid
             * @description Always null.
             */
            readonly conversation_id: string | null;
            /** @description Nothing more is said. */
            readonly data: components["schemas"]["EventNothing"];
            /** @description What happened. */
            readonly type: components["schemas"]["WholeEventType"];
        };
        /**
         * @description What happens to the workspace, or to all that one sees.
         * @enum {string}
         */
        readonly WholeEventType: "workspace.updated" | "view.reset";
        /** @description The workspace. */
        readonly Workspace: {
            /** @description What makes a thread a conversation, where the mailbox says nothing else. */
            readonly conversation_starts_on: components["schemas"]["ConversationStartsOn"];
            /** @description When it was made. */
            readonly created_at: components["schemas"]["Time"];
            /** @description Its paid features. */
            readonly features: components["schemas"]["Features"];
            /**
             * Format: uuid
             * @description Its id.
             */
            readonly id: string;
            /**
             * @description Its name.
             * @example Acme Inc.
             */
            readonly name: string;
            /**
             * @description Its name in addresses and at sign-in.
             * @example acme
             */
            readonly slug: string;
            /**
             * Format: int32
             * @description For how long a reply may be taken back, 0 to 60 seconds.
             * @example 10
             */
            readonly undo_send_seconds: number;
            /** @description When it was last changed. */
            readonly updated_at: components["schemas"]["Time"];
            /**
             * Format: int64
             * @description Counts changes.
             */
            readonly version: number;
        };
        /**
         * @description Changes to the workspace (JSON Merge Patch).
         * @example {
         *       "name": "Acme Inc.",
         *       "undo_send_seconds": 20
         *     }
         */
        readonly WorkspaceRequest: {
            /** @description What makes a thread a conversation from now on, where the mailbox says nothing else. */
            readonly conversation_starts_on?: components["schemas"]["ConversationStartsOn"];
            /**
             * @description Its name.
             * @example Acme Inc.
             */
            readonly name?: string;
            /**
             * Format: int32
             * @description For how long a reply that is written from now on may be taken back, in seconds.
             * @example 20
             */
            readonly undo_send_seconds?: number;
        };
    };
    responses: {
        /** @description `already_sending`: The message is being sent, or has been */
        readonly AlreadySending: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `already_sending`: The message is being sent, or has been; `nothing_to_retry`: There is nothing to send again; `may_duplicate`: Somebody may get a second copy */
        readonly AlreadySendingOrNothingToRetryOrMayDuplicate: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `api_key_not_allowed`: An API key can't do this; `origin_not_allowed`: The page's origin is not allowed */
        readonly ApiKeyNotAllowedOrOriginNotAllowed: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `body_too_large`: The body is too large */
        readonly BodyTooLarge: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `conversation_merged`: The conversation was merged into another */
        readonly ConversationMerged: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `conversation_moved_on`: The conversation has moved on; `idempotency_in_progress`: The first request with this key is still running */
        readonly ConversationMovedOnOrIdempotencyInProgress: {
            headers: {
                /** @description Seconds after which to try again. */
                readonly "Retry-After"?: number;
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `events_expired`: These events are not kept any more */
        readonly EventsExpired: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `feature_not_enabled`: The feature is not enabled for this workspace */
        readonly FeatureNotEnabled: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `feature_not_enabled`: The feature is not enabled for this workspace; `link_expired`: The link has expired */
        readonly FeatureNotEnabledOrLinkExpired: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `feature_not_enabled`: The feature is not enabled for this workspace; `role_not_allowed`: Your role does not allow this; `scope_not_allowed`: The API key's scope does not allow this */
        readonly FeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `feature_not_enabled`: The feature is not enabled for this workspace; `scope_not_allowed`: The API key's scope does not allow this */
        readonly FeatureNotEnabledOrScopeNotAllowed: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `feature_not_enabled`: The feature is not enabled for this workspace; `scope_not_allowed`: The API key's scope does not allow this; `not_author`: Only its author may do this */
        readonly FeatureNotEnabledOrScopeNotAllowedOrNotAuthor: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `feature_not_enabled`: The feature is not enabled for this workspace; `view_not_allowed`: Your role does not allow this view */
        readonly FeatureNotEnabledOrViewNotAllowed: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `idempotency_in_progress`: The first request with this key is still running */
        readonly IdempotencyInProgress: {
            headers: {
                /** @description Seconds after which to try again. */
                readonly "Retry-After"?: number;
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `internal`: Something went wrong on our side */
        readonly Internal: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `invalid_credentials`: The credentials are wrong */
        readonly InvalidCredentials: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `invalid_cursor`: The cursor is not valid */
        readonly InvalidCursor: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `invalid_refresh_token`: The refresh token is not valid */
        readonly InvalidRefreshToken: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `link_expired`: The link has expired */
        readonly LinkExpired: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `mail_not_configured`: This installation sends no mail of its own */
        readonly MailNotConfigured: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `mail_not_configured`: This installation sends no mail of its own; `idempotency_in_progress`: The first request with this key is still running */
        readonly MailNotConfiguredOrIdempotencyInProgress: {
            headers: {
                /** @description Seconds after which to try again. */
                readonly "Retry-After"?: number;
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `malformed_json`: The body is not JSON */
        readonly MalformedJson: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `malformed_request`: The request is malformed */
        readonly MalformedRequest: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `malformed_request`: The request is malformed; `malformed_json`: The body is not JSON */
        readonly MalformedRequestOrMalformedJson: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `no_external_party`: Nobody outside takes part; `idempotency_in_progress`: The first request with this key is still running */
        readonly NoExternalPartyOrIdempotencyInProgress: {
            headers: {
                /** @description Seconds after which to try again. */
                readonly "Retry-After"?: number;
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `not_authenticated`: Sign-in is needed */
        readonly NotAuthenticated: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `not_found`: Not found */
        readonly NotFound: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `nothing_kept`: The mail itself was not kept */
        readonly NothingKept: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `not_invited`: They have accepted already; `mail_not_configured`: This installation sends no mail of its own */
        readonly NotInvitedOrMailNotConfigured: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `origin_not_allowed`: The page's origin is not allowed */
        readonly OriginNotAllowed: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `primary_email`: The primary address can't be removed */
        readonly PrimaryEmail: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `provider_refused`: The sign-in provider refuses this installation */
        readonly ProviderRefused: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `rate_limited`: Too many requests */
        readonly RateLimited: {
            headers: {
                /** @description Seconds after which to try again. */
                readonly "Retry-After"?: number;
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `role_not_allowed`: Your role does not allow this; `scope_not_allowed`: The API key's scope does not allow this */
        readonly RoleNotAllowedOrScopeNotAllowed: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `scope_not_allowed`: The API key's scope does not allow this */
        readonly ScopeNotAllowed: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `scope_not_allowed`: The API key's scope does not allow this; `api_key_not_allowed`: An API key can't do this */
        readonly ScopeNotAllowedOrApiKeyNotAllowed: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `stale_version`: Somebody changed it meanwhile */
        readonly StaleVersion: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unavailable`: The service is not available right now */
        readonly Unavailable: {
            headers: {
                /** @description Seconds after which to try again. */
                readonly "Retry-After"?: number;
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `unsupported_media_type`: The body's content type is not supported */
        readonly UnsupportedMediaType: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `validation_failed`: Some fields are not valid */
        readonly ValidationFailed: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `validation_failed`: Some fields are not valid; `idempotency_key_reused`: The idempotency key belongs to another request */
        readonly ValidationFailedOrIdempotencyKeyReused: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `validation_failed`: Some fields are not valid; `idempotency_key_reused`: The idempotency key belongs to another request; `no_sending_mailbox`: There is no mailbox to send from */
        readonly ValidationFailedOrIdempotencyKeyReusedOrNoSendingMailbox: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description `validation_failed`: Some fields are not valid; `no_sending_mailbox`: There is no mailbox to send from */
        readonly ValidationFailedOrNoSendingMailbox: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type AcceptRequest = components['schemas']['AcceptRequest'];
export type ApiKey = components['schemas']['ApiKey'];
export type ApiKeyList = components['schemas']['ApiKeyList'];
export type ApiKeyRequest = components['schemas']['ApiKeyRequest'];
export type Attachment = components['schemas']['Attachment'];
export type AttachmentDetail = components['schemas']['AttachmentDetail'];
export type AuditEntry = components['schemas']['AuditEntry'];
export type AuditEntryList = components['schemas']['AuditEntryList'];
export type AuditObject = components['schemas']['AuditObject'];
export type Author = components['schemas']['Author'];
export type AuthorKind = components['schemas']['AuthorKind'];
export type AuthorList = components['schemas']['AuthorList'];
export type Backfill = components['schemas']['Backfill'];
export type Card = components['schemas']['Card'];
export type CardList = components['schemas']['CardList'];
export type Company = components['schemas']['Company'];
export type CompanyPatchRequest = components['schemas']['CompanyPatchRequest'];
export type CompanyRequest = components['schemas']['CompanyRequest'];
export type CompanySummary = components['schemas']['CompanySummary'];
export type CompanySummaryList = components['schemas']['CompanySummaryList'];
export type Contact = components['schemas']['Contact'];
export type ContactCompanyRequest = components['schemas']['ContactCompanyRequest'];
export type ContactEmail = components['schemas']['ContactEmail'];
export type ContactEvent = components['schemas']['ContactEvent'];
export type ContactEventType = components['schemas']['ContactEventType'];
export type ContactPatchRequest = components['schemas']['ContactPatchRequest'];
export type ContactReference = components['schemas']['ContactReference'];
export type ContactRequest = components['schemas']['ContactRequest'];
export type ContactSummary = components['schemas']['ContactSummary'];
export type ContactSummaryList = components['schemas']['ContactSummaryList'];
export type Conversation = components['schemas']['Conversation'];
export type ConversationEvent = components['schemas']['ConversationEvent'];
export type ConversationEventType = components['schemas']['ConversationEventType'];
export type ConversationPermissions = components['schemas']['ConversationPermissions'];
export type ConversationRemovedEvent = components['schemas']['ConversationRemovedEvent'];
export type ConversationRemovedEventType = components['schemas']['ConversationRemovedEventType'];
export type ConversationRequest = components['schemas']['ConversationRequest'];
export type ConversationStartsOn = components['schemas']['ConversationStartsOn'];
export type Count = components['schemas']['Count'];
export type Counts = components['schemas']['Counts'];
export type CustomField = components['schemas']['CustomField'];
export type CustomFieldList = components['schemas']['CustomFieldList'];
export type CustomFieldPatchRequest = components['schemas']['CustomFieldPatchRequest'];
export type CustomFieldRequest = components['schemas']['CustomFieldRequest'];
export type CustomFieldType = components['schemas']['CustomFieldType'];
export type Deal = components['schemas']['Deal'];
export type DealPatchRequest = components['schemas']['DealPatchRequest'];
export type DealRequest = components['schemas']['DealRequest'];
export type DealStatus = components['schemas']['DealStatus'];
export type DealSummary = components['schemas']['DealSummary'];
export type DealSummaryList = components['schemas']['DealSummaryList'];
export type Delivery = components['schemas']['Delivery'];
export type DeliveryState = components['schemas']['DeliveryState'];
export type Direction = components['schemas']['Direction'];
export type EmailPatchRequest = components['schemas']['EmailPatchRequest'];
export type Entity = components['schemas']['Entity'];
export type Event = components['schemas']['Event'];
export type EventHead = components['schemas']['EventHead'];
export type EventList = components['schemas']['EventList'];
export type EventMessage = components['schemas']['EventMessage'];
export type EventNothing = components['schemas']['EventNothing'];
export type EventThing = components['schemas']['EventThing'];
export type Feature = components['schemas']['Feature'];
export type FeatureRequest = components['schemas']['FeatureRequest'];
export type FeatureRequestList = components['schemas']['FeatureRequestList'];
export type FeatureRequestRequest = components['schemas']['FeatureRequestRequest'];
export type Features = components['schemas']['Features'];
export type FeatureState = components['schemas']['FeatureState'];
export type FieldCode = components['schemas']['FieldCode'];
export type FieldDefinition = components['schemas']['FieldDefinition'];
export type FieldError = components['schemas']['FieldError'];
export type FileContent = components['schemas']['FileContent'];
export type FolderRole = components['schemas']['FolderRole'];
export type Health = components['schemas']['Health'];
export type IntakeEntry = components['schemas']['IntakeEntry'];
export type IntakeEntryList = components['schemas']['IntakeEntryList'];
export type IntakeReason = components['schemas']['IntakeReason'];
export type Invitation = components['schemas']['Invitation'];
export type InvitationRequest = components['schemas']['InvitationRequest'];
export type InvitationWorkspace = components['schemas']['InvitationWorkspace'];
export type Jwk = components['schemas']['Jwk'];
export type Jwks = components['schemas']['Jwks'];
export type LastMessage = components['schemas']['LastMessage'];
export type LoginRequest = components['schemas']['LoginRequest'];
export type MailAddress = components['schemas']['MailAddress'];
export type MailAddressRequest = components['schemas']['MailAddressRequest'];
export type Mailbox = components['schemas']['Mailbox'];
export type MailboxAuth = components['schemas']['MailboxAuth'];
export type MailboxAuthKind = components['schemas']['MailboxAuthKind'];
export type MailboxKind = components['schemas']['MailboxKind'];
export type MailboxList = components['schemas']['MailboxList'];
export type MailboxPatchRequest = components['schemas']['MailboxPatchRequest'];
export type MailboxReference = components['schemas']['MailboxReference'];
export type MailboxRequest = components['schemas']['MailboxRequest'];
export type MailboxState = components['schemas']['MailboxState'];
export type MailboxTest = components['schemas']['MailboxTest'];
export type MailboxTestRequest = components['schemas']['MailboxTestRequest'];
export type MailPreview = components['schemas']['MailPreview'];
export type MailProvider = components['schemas']['MailProvider'];
export type MailProviderList = components['schemas']['MailProviderList'];
export type MailServer = components['schemas']['MailServer'];
export type MailServerPatch = components['schemas']['MailServerPatch'];
export type MailServerRequest = components['schemas']['MailServerRequest'];
export type Me = components['schemas']['Me'];
export type MeRequest = components['schemas']['MeRequest'];
export type Message = components['schemas']['Message'];
export type MessageEvent = components['schemas']['MessageEvent'];
export type MessageEventType = components['schemas']['MessageEventType'];
export type MessageList = components['schemas']['MessageList'];
export type MessageType = components['schemas']['MessageType'];
export type Money = components['schemas']['Money'];
export type MoneyRequest = components['schemas']['MoneyRequest'];
export type MyPermissions = components['schemas']['MyPermissions'];
export type MyWorkspace = components['schemas']['MyWorkspace'];
export type NamedAddressRequest = components['schemas']['NamedAddressRequest'];
export type NewApiKey = components['schemas']['NewApiKey'];
export type NewEmailRequest = components['schemas']['NewEmailRequest'];
export type NewMailRequest = components['schemas']['NewMailRequest'];
export type NewPasswordRequest = components['schemas']['NewPasswordRequest'];
export type OAuthMailboxRequest = components['schemas']['OAuthMailboxRequest'];
export type Owner = components['schemas']['Owner'];
export type PasswordRequest = components['schemas']['PasswordRequest'];
export type PictureRequest = components['schemas']['PictureRequest'];
export type PostalAddress = components['schemas']['PostalAddress'];
export type PostalAddressRequest = components['schemas']['PostalAddressRequest'];
export type Presence = components['schemas']['Presence'];
export type PresenceList = components['schemas']['PresenceList'];
export type PresenceRequest = components['schemas']['PresenceRequest'];
export type PresenceState = components['schemas']['PresenceState'];
export type Problem = components['schemas']['Problem'];
export type ProblemCode = components['schemas']['ProblemCode'];
export type ProviderServer = components['schemas']['ProviderServer'];
export type ReadFolder = components['schemas']['ReadFolder'];
export type RecipientDelivery = components['schemas']['RecipientDelivery'];
export type RefreshPlace = components['schemas']['RefreshPlace'];
export type RefreshRequest = components['schemas']['RefreshRequest'];
export type Replay = components['schemas']['Replay'];
export type ReplayOutcome = components['schemas']['ReplayOutcome'];
export type ReplyDefaults = components['schemas']['ReplyDefaults'];
export type ReplyRequest = components['schemas']['ReplyRequest'];
export type ResetRequest = components['schemas']['ResetRequest'];
export type RetryRequest = components['schemas']['RetryRequest'];
export type Role = components['schemas']['Role'];
export type Scope = components['schemas']['Scope'];
export type Security = components['schemas']['Security'];
export type SeenRequest = components['schemas']['SeenRequest'];
export type Segment = components['schemas']['Segment'];
export type SegmentKind = components['schemas']['SegmentKind'];
export type SentCopy = components['schemas']['SentCopy'];
export type ServerFault = components['schemas']['ServerFault'];
export type ServerTest = components['schemas']['ServerTest'];
export type Side = components['schemas']['Side'];
export type SignedInRequest = components['schemas']['SignedInRequest'];
export type SignInAtProvider = components['schemas']['SignInAtProvider'];
export type SignInRequest = components['schemas']['SignInRequest'];
export type Status = components['schemas']['Status'];
export type StreamEnd = components['schemas']['StreamEnd'];
export type StreamEndReason = components['schemas']['StreamEndReason'];
export type ThingEvent = components['schemas']['ThingEvent'];
export type ThingEventType = components['schemas']['ThingEventType'];
export type Thread = components['schemas']['Thread'];
export type Threading = components['schemas']['Threading'];
export type ThreadList = components['schemas']['ThreadList'];
export type Ticket = components['schemas']['Ticket'];
export type Time = components['schemas']['Time'];
export type Tokens = components['schemas']['Tokens'];
export type UploadRequest = components['schemas']['UploadRequest'];
export type User = components['schemas']['User'];
export type UserEvent = components['schemas']['UserEvent'];
export type UserEventType = components['schemas']['UserEventType'];
export type UserList = components['schemas']['UserList'];
export type UserRequest = components['schemas']['UserRequest'];
export type UserStatus = components['schemas']['UserStatus'];
export type Warning = components['schemas']['Warning'];
export type WarningCode = components['schemas']['WarningCode'];
export type WholeEvent = components['schemas']['WholeEvent'];
export type WholeEventType = components['schemas']['WholeEventType'];
export type Workspace = components['schemas']['Workspace'];
export type WorkspaceRequest = components['schemas']['WorkspaceRequest'];
export type ResponseAlreadySending = components['responses']['AlreadySending'];
export type ResponseAlreadySendingOrNothingToRetryOrMayDuplicate = components['responses']['AlreadySendingOrNothingToRetryOrMayDuplicate'];
export type ResponseApiKeyNotAllowedOrOriginNotAllowed = components['responses']['ApiKeyNotAllowedOrOriginNotAllowed'];
export type ResponseBodyTooLarge = components['responses']['BodyTooLarge'];
export type ResponseConversationMerged = components['responses']['ConversationMerged'];
export type ResponseConversationMovedOnOrIdempotencyInProgress = components['responses']['ConversationMovedOnOrIdempotencyInProgress'];
export type ResponseEventsExpired = components['responses']['EventsExpired'];
export type ResponseFeatureNotEnabled = components['responses']['FeatureNotEnabled'];
export type ResponseFeatureNotEnabledOrLinkExpired = components['responses']['FeatureNotEnabledOrLinkExpired'];
export type ResponseFeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed = components['responses']['FeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed'];
export type ResponseFeatureNotEnabledOrScopeNotAllowed = components['responses']['FeatureNotEnabledOrScopeNotAllowed'];
export type ResponseFeatureNotEnabledOrScopeNotAllowedOrNotAuthor = components['responses']['FeatureNotEnabledOrScopeNotAllowedOrNotAuthor'];
export type ResponseFeatureNotEnabledOrViewNotAllowed = components['responses']['FeatureNotEnabledOrViewNotAllowed'];
export type ResponseIdempotencyInProgress = components['responses']['IdempotencyInProgress'];
export type ResponseInternal = components['responses']['Internal'];
export type ResponseInvalidCredentials = components['responses']['InvalidCredentials'];
export type ResponseInvalidCursor = components['responses']['InvalidCursor'];
export type ResponseInvalidRefreshToken = components['responses']['InvalidRefreshToken'];
export type ResponseLinkExpired = components['responses']['LinkExpired'];
export type ResponseMailNotConfigured = components['responses']['MailNotConfigured'];
export type ResponseMailNotConfiguredOrIdempotencyInProgress = components['responses']['MailNotConfiguredOrIdempotencyInProgress'];
export type ResponseMalformedJson = components['responses']['MalformedJson'];
export type ResponseMalformedRequest = components['responses']['MalformedRequest'];
export type ResponseMalformedRequestOrMalformedJson = components['responses']['MalformedRequestOrMalformedJson'];
export type ResponseNoExternalPartyOrIdempotencyInProgress = components['responses']['NoExternalPartyOrIdempotencyInProgress'];
export type ResponseNotAuthenticated = components['responses']['NotAuthenticated'];
export type ResponseNotFound = components['responses']['NotFound'];
export type ResponseNothingKept = components['responses']['NothingKept'];
export type ResponseNotInvitedOrMailNotConfigured = components['responses']['NotInvitedOrMailNotConfigured'];
export type ResponseOriginNotAllowed = components['responses']['OriginNotAllowed'];
export type ResponsePrimaryEmail = components['responses']['PrimaryEmail'];
export type ResponseProviderRefused = components['responses']['ProviderRefused'];
export type ResponseRateLimited = components['responses']['RateLimited'];
export type ResponseRoleNotAllowedOrScopeNotAllowed = components['responses']['RoleNotAllowedOrScopeNotAllowed'];
export type ResponseScopeNotAllowed = components['responses']['ScopeNotAllowed'];
export type ResponseScopeNotAllowedOrApiKeyNotAllowed = components['responses']['ScopeNotAllowedOrApiKeyNotAllowed'];
export type ResponseStaleVersion = components['responses']['StaleVersion'];
export type ResponseUnavailable = components['responses']['Unavailable'];
export type ResponseUnsupportedMediaType = components['responses']['UnsupportedMediaType'];
export type ResponseValidationFailed = components['responses']['ValidationFailed'];
export type ResponseValidationFailedOrIdempotencyKeyReused = components['responses']['ValidationFailedOrIdempotencyKeyReused'];
export type ResponseValidationFailedOrIdempotencyKeyReusedOrNoSendingMailbox = components['responses']['ValidationFailedOrIdempotencyKeyReusedOrNoSendingMailbox'];
export type ResponseValidationFailedOrNoSendingMailbox = components['responses']['ValidationFailedOrNoSendingMailbox'];
export type $defs = Record<string, never>;
export interface operations {
    readonly get_token_keys: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The keys (RFC 7517). */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "keys": [
                     *         {
                     *           "alg": "EdDSA",
                     *           "crv": "Ed25519",
                     *           "kid": "2026-02",
                     *           "kty": "OKP",
                     *           "use": "sig",
                     *           "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
                     *         }
                     *       ]
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Jwks"];
                };
            };
        };
    };
    readonly health: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description It is. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    readonly get_openapi: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description OpenAPI 3.1. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /** @example {} */
                    readonly "application/json": Record<string, unknown>;
                };
            };
        };
    };
    readonly readiness: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description It is. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Health"];
                };
            };
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_api_keys: {
        readonly parameters: {
            readonly query?: {
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
                /** @description Those of this user alone. */
                readonly user_id?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of keys. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "expires_at": "2026-03-01T09:30:00.000Z",
                     *           "hint": "x7Qk",
                     *           "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *           "last_used_at": "2026-03-01T09:30:00.000Z",
                     *           "name": "Nightly export",
                     *           "scope": "read",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "user": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "version": 1
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["ApiKeyList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly create_api_key: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "expires_at": "2027-03-01T00:00:00.000Z",
                 *       "name": "Nightly export",
                 *       "scope": "read"
                 *     }
                 */
                readonly "application/json": components["schemas"]["ApiKeyRequest"];
            };
        };
        readonly responses: {
            /** @description The key, with its token. */
            readonly 201: {
                headers: {
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "expires_at": "2026-03-01T09:30:00.000Z",
                     *       "hint": "x7Qk",
                     *       "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *       "last_used_at": "2026-03-01T09:30:00.000Z",
                     *       "name": "Nightly export",
                     *       "scope": "read",
                     *       "token": "pr_AZjH0BorfD2OT1prfI2eDwq1gE0W2cVb8uJt5sY3nXo7LrKfHiPdMzQeTgUaBy7Q",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "user": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "version": 1
                     *     }
                     */
                    readonly "application/json": components["schemas"]["NewApiKey"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_api_key: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The key's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The key. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "expires_at": "2026-03-01T09:30:00.000Z",
                     *       "hint": "x7Qk",
                     *       "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *       "last_used_at": "2026-03-01T09:30:00.000Z",
                     *       "name": "Nightly export",
                     *       "scope": "read",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "user": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "version": 1
                     *     }
                     */
                    readonly "application/json": components["schemas"]["ApiKey"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly revoke_api_key: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The key's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description It is worth nothing any more. */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly upload_attachment: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "multipart/form-data": components["schemas"]["UploadRequest"];
            };
        };
        readonly responses: {
            /** @description The file. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "content_type": "application/pdf",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "expires_at": "2026-03-01T09:30:00.000Z",
                     *       "filename": "invoice.pdf",
                     *       "id": "0198c7e0-a4f2-7d10-9e21-70819203a4b5",
                     *       "inline": false,
                     *       "message_id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *       "size": 48213,
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "url": "text",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["AttachmentDetail"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 409: components["responses"]["IdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReused"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_attachment: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The attachment's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The file. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "content_type": "application/pdf",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "expires_at": "2026-03-01T09:30:00.000Z",
                     *       "filename": "invoice.pdf",
                     *       "id": "0198c7e0-a4f2-7d10-9e21-70819203a4b5",
                     *       "inline": false,
                     *       "message_id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *       "size": 48213,
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "url": "text",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["AttachmentDetail"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_attachment_content: {
        readonly parameters: {
            readonly query?: {
                /** @description Of a signed address: when it ends, in seconds since 1970. */
                readonly expires?: number;
                /** @description Of a signed address: leave as it is. */
                readonly signature?: string;
                /** @description Of a signed address: leave as it is. */
                readonly workspace?: string;
            };
            readonly header?: never;
            readonly path: {
                /** @description The attachment's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The file, as what it was sent as. */
            readonly 200: {
                headers: {
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "*/*": components["schemas"]["FileContent"];
                };
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrLinkExpired"];
            readonly 404: components["responses"]["NotFound"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_audit: {
        readonly parameters: {
            readonly query?: {
                /**
                 * @description Only what was done in this way.
                 * @example conversation.updated
                 */
                readonly action?: string;
                /** @description Only what this user did. */
                readonly actor_id?: string;
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
                /** @description Only what was done to the thing with this id. */
                readonly object_id?: string;
                /** @description Only what was done at this moment or later. */
                readonly since?: string;
                /** @description Only what was done before this moment. */
                readonly until?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of entries. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "action": "conversation.updated",
                     *           "actor": {
                     *             "avatar_url": null,
                     *             "email": "bob@customer.example",
                     *             "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *             "kind": "contact",
                     *             "name": "Bob Fisher"
                     *           },
                     *           "address": "192.0.2.7",
                     *           "after": {},
                     *           "api_key": null,
                     *           "at": "2026-03-01T09:30:00.000Z",
                     *           "before": {},
                     *           "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *           "object": {
                     *             "id": null,
                     *             "kind": "conversation"
                     *           },
                     *           "request_id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11"
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["AuditEntryList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["RoleNotAllowedOrScopeNotAllowed"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_invitation: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The last part of the link. */
                readonly token: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The invitation. */
            readonly 200: {
                headers: {
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "email": "ben@acme.example",
                     *       "expires_at": "2026-03-01T09:30:00.000Z",
                     *       "name": "Ben Frost",
                     *       "role": "owner",
                     *       "workspace": {
                     *         "name": "Acme Inc.",
                     *         "slug": "acme"
                     *       }
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Invitation"];
                };
            };
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly accept_invitation: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The last part of the link. */
                readonly token: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "name": "Ben Frost",
                 *       "password": "correct horse battery staple",
                 *       "refresh": "cookie"
                 *     }
                 */
                readonly "application/json": components["schemas"]["AcceptRequest"];
            };
        };
        readonly responses: {
            /** @description Signed in. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.eyJzdWIiOiIwMTk4YzdkMCJ9.c2lnbmF0dXJl",
                     *       "expires_in": 900,
                     *       "refresh_token": "mZ4XcJb2Qd0kq8hS1vVnUuYwT3eRr5oP6iLk7jHgF9A",
                     *       "token_type": "Bearer",
                     *       "user": {
                     *         "avatar_url": null,
                     *         "can": {
                     *           "manage_custom_fields": true,
                     *           "manage_mailboxes": true,
                     *           "manage_users": true,
                     *           "view_all": true
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "email": "ann@acme.example",
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee",
                     *         "role": "owner",
                     *         "signature_enabled": true,
                     *         "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                     *         "time_zone": "Europe/Berlin",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "workspace": {
                     *           "features": {
                     *             "conversations": "enabled"
                     *           },
                     *           "id": "0198c7cf-0011-7b22-8c33-44d55e66f778",
                     *           "name": "Acme Inc.",
                     *           "slug": "acme"
                     *         }
                     *       }
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Tokens"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 404: components["responses"]["NotFound"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly login: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "email": "ann@acme.example",
                 *       "password": "correct horse battery staple",
                 *       "workspace": "acme"
                 *     }
                 */
                readonly "application/json": components["schemas"]["LoginRequest"];
            };
        };
        readonly responses: {
            /** @description Signed in. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.eyJzdWIiOiIwMTk4YzdkMCJ9.c2lnbmF0dXJl",
                     *       "expires_in": 900,
                     *       "refresh_token": "mZ4XcJb2Qd0kq8hS1vVnUuYwT3eRr5oP6iLk7jHgF9A",
                     *       "token_type": "Bearer",
                     *       "user": {
                     *         "avatar_url": null,
                     *         "can": {
                     *           "manage_custom_fields": true,
                     *           "manage_mailboxes": true,
                     *           "manage_users": true,
                     *           "view_all": true
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "email": "ann@acme.example",
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee",
                     *         "role": "owner",
                     *         "signature_enabled": true,
                     *         "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                     *         "time_zone": "Europe/Berlin",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "workspace": {
                     *           "features": {
                     *             "conversations": "enabled"
                     *           },
                     *           "id": "0198c7cf-0011-7b22-8c33-44d55e66f778",
                     *           "name": "Acme Inc.",
                     *           "slug": "acme"
                     *         }
                     *       }
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Tokens"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["InvalidCredentials"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly logout: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                /**
                 * @example {
                 *       "refresh_token": "mZ4XcJb2Qd0kq8hS1vVnUuYwT3eRr5oP6iLk7jHgF9A"
                 *     }
                 */
                readonly "application/json": components["schemas"]["RefreshRequest"] | null;
            };
        };
        readonly responses: {
            /** @description Signed out. */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ApiKeyNotAllowedOrOriginNotAllowed"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly request_password_reset: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "email": "ann@acme.example",
                 *       "workspace": "acme"
                 *     }
                 */
                readonly "application/json": components["schemas"]["ResetRequest"];
            };
        };
        readonly responses: {
            /** @description If there is such an account, a mail is on its way. */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 409: components["responses"]["MailNotConfigured"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly reset_password: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The last part of the link. */
                readonly token: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "password": "a field of blue barley"
                 *     }
                 */
                readonly "application/json": components["schemas"]["NewPasswordRequest"];
            };
        };
        readonly responses: {
            /** @description The password is the new one. */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 404: components["responses"]["NotFound"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly refresh: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                /**
                 * @example {
                 *       "refresh_token": "mZ4XcJb2Qd0kq8hS1vVnUuYwT3eRr5oP6iLk7jHgF9A"
                 *     }
                 */
                readonly "application/json": components["schemas"]["RefreshRequest"] | null;
            };
        };
        readonly responses: {
            /** @description The next pair of tokens. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.eyJzdWIiOiIwMTk4YzdkMCJ9.c2lnbmF0dXJl",
                     *       "expires_in": 900,
                     *       "refresh_token": "mZ4XcJb2Qd0kq8hS1vVnUuYwT3eRr5oP6iLk7jHgF9A",
                     *       "token_type": "Bearer",
                     *       "user": {
                     *         "avatar_url": null,
                     *         "can": {
                     *           "manage_custom_fields": true,
                     *           "manage_mailboxes": true,
                     *           "manage_users": true,
                     *           "view_all": true
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "email": "ann@acme.example",
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee",
                     *         "role": "owner",
                     *         "signature_enabled": true,
                     *         "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                     *         "time_zone": "Europe/Berlin",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "workspace": {
                     *           "features": {
                     *             "conversations": "enabled"
                     *           },
                     *           "id": "0198c7cf-0011-7b22-8c33-44d55e66f778",
                     *           "name": "Acme Inc.",
                     *           "slug": "acme"
                     *         }
                     *       }
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Tokens"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["InvalidRefreshToken"];
            readonly 403: components["responses"]["OriginNotAllowed"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_avatar: {
        readonly parameters: {
            readonly query: {
                /** @description When the address ends, in seconds since 1970. */
                readonly expires: number;
                /** @description Leave as it is. */
                readonly signature: string;
                /** @description Leave as it is. */
                readonly workspace: string;
            };
            readonly header?: never;
            readonly path: {
                /** @description Leave as it is. */
                readonly sha256: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The picture, 256 by 256. */
            readonly 200: {
                headers: {
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "image/png": components["schemas"]["FileContent"];
                };
            };
            readonly 403: components["responses"]["LinkExpired"];
            readonly 404: components["responses"]["NotFound"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_companies: {
        readonly parameters: {
            readonly query?: {
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
                /**
                 * @description Name or domain, as far as it is known: what fits best comes first, typing errors are forgiven. Left out or blank:
                 *     those that the caller sees, the newest first.
                 * @example custmer
                 */
                readonly q?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of companies. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "domain": "customer.example",
                     *           "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *           "name": "Customer Ltd.",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["CompanySummaryList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly create_company: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "address": {
                 *         "city": "Hamburg",
                 *         "country": "Germany",
                 *         "postal_code": "20457",
                 *         "region": null,
                 *         "street": "1 Harbour Street"
                 *       },
                 *       "custom_fields": {
                 *         "plan": "Pro"
                 *       },
                 *       "description": null,
                 *       "domain": "customer.example",
                 *       "industry": "Logistics",
                 *       "name": "Customer Ltd.",
                 *       "phone": "+49 40 123456",
                 *       "size": "50-200",
                 *       "website": "https://customer.example"
                 *     }
                 */
                readonly "application/json": components["schemas"]["CompanyRequest"];
            };
        };
        readonly responses: {
            /** @description The company. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "description": null,
                     *       "domain": "customer.example",
                     *       "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *       "industry": "Logistics",
                     *       "name": "Customer Ltd.",
                     *       "phone": "+49 40 123456",
                     *       "size": "50-200",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Company"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 409: components["responses"]["IdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReused"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_company: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The company's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The company. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "description": null,
                     *       "domain": "customer.example",
                     *       "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *       "industry": "Logistics",
                     *       "name": "Customer Ltd.",
                     *       "phone": "+49 40 123456",
                     *       "size": "50-200",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Company"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly update_company: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The company's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "address": {
                 *         "city": "Hamburg",
                 *         "country": "Germany",
                 *         "postal_code": "20457",
                 *         "region": null,
                 *         "street": "1 Harbour Street"
                 *       },
                 *       "custom_fields": {
                 *         "plan": "Pro"
                 *       },
                 *       "description": null,
                 *       "domain": "customer.example",
                 *       "industry": "Logistics",
                 *       "name": "Customer Ltd.",
                 *       "phone": "+49 40 123456",
                 *       "size": "50-200",
                 *       "website": "https://customer.example"
                 *     }
                 */
                readonly "application/json": components["schemas"]["CompanyPatchRequest"];
            };
        };
        readonly responses: {
            /** @description The company as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "description": null,
                     *       "domain": "customer.example",
                     *       "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *       "industry": "Logistics",
                     *       "name": "Customer Ltd.",
                     *       "phone": "+49 40 123456",
                     *       "size": "50-200",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Company"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_contacts: {
        readonly parameters: {
            readonly query?: {
                /** @description Only contacts of this company. */
                readonly company_id?: string;
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
                /** @description Only contacts of this owner. */
                readonly owner_id?: string;
                /**
                 * @description Name or address, as far as it is known: what fits best comes first, typing errors are forgiven. Left out or blank:
                 *     all, the newest first.
                 * @example bob fischer
                 */
                readonly q?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of contacts. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "avatar_url": null,
                     *           "company": {
                     *             "created_at": "2026-02-27T15:04:11.250Z",
                     *             "domain": "customer.example",
                     *             "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *             "name": "Customer Ltd.",
                     *             "updated_at": "2026-03-01T09:30:00.000Z",
                     *             "version": 5
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "emails": [
                     *             {
                     *               "address": "bob@customer.example",
                     *               "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *               "primary": true
                     *             }
                     *           ],
                     *           "first_name": "Bob",
                     *           "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *           "last_name": "Fisher",
                     *           "name": "Bob Fisher",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "phone": "+49 40 123456",
                     *           "title": null,
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["ContactSummaryList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly create_contact: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "address": {
                 *         "city": "Hamburg",
                 *         "country": "Germany",
                 *         "postal_code": "20457",
                 *         "region": null,
                 *         "street": "1 Harbour Street"
                 *       },
                 *       "custom_fields": {
                 *         "plan": "Pro"
                 *       },
                 *       "description": null,
                 *       "emails": [
                 *         {
                 *           "address": "bob@customer.example",
                 *           "primary": true
                 *         }
                 *       ],
                 *       "first_name": "Bob",
                 *       "last_name": "Fisher",
                 *       "owner_id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                 *       "phone": "+49 40 123456",
                 *       "time_zone": "Europe/Berlin",
                 *       "title": "Head of Purchasing",
                 *       "website": "https://customer.example/bob"
                 *     }
                 */
                readonly "application/json": components["schemas"]["ContactRequest"];
            };
        };
        readonly responses: {
            /** @description The contact. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 409: components["responses"]["IdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReused"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_contact: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The contact's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The contact. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly update_contact: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The contact's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "address": {
                 *         "city": "Hamburg",
                 *         "country": "Germany",
                 *         "postal_code": "20457",
                 *         "region": null,
                 *         "street": "1 Harbour Street"
                 *       },
                 *       "custom_fields": {
                 *         "plan": "Pro"
                 *       },
                 *       "description": null,
                 *       "first_name": "Bob",
                 *       "last_name": "Fisher",
                 *       "owner_id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                 *       "phone": "+49 40 123456",
                 *       "time_zone": "Europe/Berlin",
                 *       "title": "Head of Purchasing",
                 *       "website": "https://customer.example/bob"
                 *     }
                 */
                readonly "application/json": components["schemas"]["ContactPatchRequest"];
            };
        };
        readonly responses: {
            /** @description The contact as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly set_contact_avatar: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The contact's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "multipart/form-data": components["schemas"]["PictureRequest"];
            };
        };
        readonly responses: {
            /** @description The contact as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly remove_contact_avatar: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The contact's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The contact as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly set_contact_company: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The contact's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "company_id": "0198c7e0-7011-7c22-8d33-55e66f778899"
                 *     }
                 */
                readonly "application/json": components["schemas"]["ContactCompanyRequest"];
            };
        };
        readonly responses: {
            /** @description The contact as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly remove_contact_company: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The contact's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The contact as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly add_contact_deal: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The deal's id. */
                readonly deal_id: string;
                /** @description The contact's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The contact as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly remove_contact_deal: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The deal's id. */
                readonly deal_id: string;
                /** @description The contact's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The contact as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly add_contact_email: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                /** @description The contact's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "address": "bob@customer.example",
                 *       "primary": true
                 *     }
                 */
                readonly "application/json": components["schemas"]["NewEmailRequest"];
            };
        };
        readonly responses: {
            /** @description The contact with the address. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 409: components["responses"]["IdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReused"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly remove_contact_email: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The id of one of their addresses. */
                readonly email_id: string;
                /** @description The contact's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The contact as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 409: components["responses"]["PrimaryEmail"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly update_contact_email: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The id of one of their addresses. */
                readonly email_id: string;
                /** @description The contact's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "address": "bob@customer.example",
                 *       "primary": true
                 *     }
                 */
                readonly "application/json": components["schemas"]["EmailPatchRequest"];
            };
        };
        readonly responses: {
            /** @description The contact as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": {
                     *         "city": "Hamburg",
                     *         "country": "Germany",
                     *         "postal_code": "20457",
                     *         "region": null,
                     *         "street": "1 Harbour Street"
                     *       },
                     *       "avatar_url": null,
                     *       "company": {
                     *         "address": {
                     *           "city": "Hamburg",
                     *           "country": "Germany",
                     *           "postal_code": "20457",
                     *           "region": null,
                     *           "street": "1 Harbour Street"
                     *         },
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "custom_field_definitions": [
                     *           {
                     *             "key": "plan",
                     *             "label": "Plan",
                     *             "options": [
                     *               "Basic",
                     *               "Pro"
                     *             ],
                     *             "required": false,
                     *             "type": "select"
                     *           }
                     *         ],
                     *         "custom_fields": {
                     *           "plan": "Pro"
                     *         },
                     *         "description": null,
                     *         "domain": "customer.example",
                     *         "id": "0198c7e0-7011-7c22-8d33-55e66f778899",
                     *         "industry": "Logistics",
                     *         "name": "Customer Ltd.",
                     *         "phone": "+49 40 123456",
                     *         "size": "50-200",
                     *         "updated_at": "2026-03-01T09:30:00.000Z",
                     *         "version": 5,
                     *         "website": "https://customer.example"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "deals": [
                     *         {
                     *           "amount": {
                     *             "amount": "1250.00",
                     *             "currency": "EUR"
                     *           },
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "custom_field_definitions": [
                     *             {
                     *               "key": "plan",
                     *               "label": "Plan",
                     *               "options": [
                     *                 "Basic",
                     *                 "Pro"
                     *               ],
                     *               "required": false,
                     *               "type": "select"
                     *             }
                     *           ],
                     *           "custom_fields": {
                     *             "plan": "Pro"
                     *           },
                     *           "expected_close_on": null,
                     *           "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "stage": "Offer sent",
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "description": null,
                     *       "emails": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "id": "0198c7e0-7122-7d33-8e44-66f778899aab",
                     *           "primary": true
                     *         }
                     *       ],
                     *       "first_name": "Bob",
                     *       "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *       "last_name": "Fisher",
                     *       "name": "Bob Fisher",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "phone": "+49 40 123456",
                     *       "time_zone": "Europe/Berlin",
                     *       "title": "Head of Purchasing",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "website": "https://customer.example"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Contact"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_conversations: {
        readonly parameters: {
            readonly query?: {
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many at most, 1 to 100. */
                readonly limit?: number;
                /** @description By last activity: `newest` or `oldest` first. Default: `newest`. */
                readonly sort?: "newest" | "oldest";
                /** @description Which: `open`, `closed` or `all`. Default: `open`. */
                readonly status?: "open" | "closed" | "all";
                /** @description Whose: `mine` or `all`. Default: `mine` for team members, `all` for the others. */
                readonly view?: "mine" | "all";
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of the stream. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "has_attachments": false,
                     *           "id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *           "last_activity_at": "2026-03-01T09:30:00.000Z",
                     *           "last_message": {
                     *             "automatic": false,
                     *             "direction": "inbound",
                     *             "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *             "preview": "Thank you, that helped.",
                     *             "sender": {
                     *               "avatar_url": null,
                     *               "email": "bob@customer.example",
                     *               "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *               "kind": "contact",
                     *               "name": "Bob Fisher"
                     *             },
                     *             "sent_at": "2026-03-01T09:30:00.000Z",
                     *             "type": "email"
                     *           },
                     *           "message_count": 3,
                     *           "number": 42,
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "primary_contact": {
                     *             "avatar_url": null,
                     *             "email": "bob@customer.example",
                     *             "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *             "name": "Bob Fisher"
                     *           },
                     *           "status": "open",
                     *           "subject": "Order 1234",
                     *           "type": "email",
                     *           "unread": true,
                     *           "unseen_replies": 1,
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["CardList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrViewNotAllowed"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_conversation: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The conversation's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The conversation. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "can": {
                     *         "change_owner": true,
                     *         "change_status": true,
                     *         "reply": true
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "has_attachments": false,
                     *       "id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *       "last_activity_at": "2026-03-01T09:30:00.000Z",
                     *       "last_message": {
                     *         "automatic": false,
                     *         "direction": "inbound",
                     *         "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *         "preview": "Thank you, that helped.",
                     *         "sender": {
                     *           "avatar_url": null,
                     *           "email": "bob@customer.example",
                     *           "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *           "kind": "contact",
                     *           "name": "Bob Fisher"
                     *         },
                     *         "sent_at": "2026-03-01T09:30:00.000Z",
                     *         "type": "email"
                     *       },
                     *       "mailbox": {
                     *         "address": "support@acme.example",
                     *         "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a"
                     *       },
                     *       "message_count": 3,
                     *       "number": 42,
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "participants": [
                     *         {
                     *           "avatar_url": null,
                     *           "email": "bob@customer.example",
                     *           "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *           "kind": "contact",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "primary_contact": {
                     *         "avatar_url": null,
                     *         "email": "bob@customer.example",
                     *         "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *         "name": "Bob Fisher"
                     *       },
                     *       "reply_defaults": {
                     *         "cc": [],
                     *         "cc_left_out": 0,
                     *         "from": {
                     *           "address": "support@acme.example",
                     *           "name": "Ann Lee"
                     *         },
                     *         "include_signature": true,
                     *         "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                     *         "subject": "Re: Order 1234",
                     *         "to": [
                     *           {
                     *             "address": "bob@customer.example",
                     *             "name": "Bob Fisher"
                     *           }
                     *         ]
                     *       },
                     *       "status": "open",
                     *       "subject": "Order 1234",
                     *       "type": "email",
                     *       "unread": true,
                     *       "unseen_replies": 1,
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Conversation"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["ConversationMerged"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly update_conversation: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The conversation's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "status": "closed"
                 *     }
                 */
                readonly "application/json": components["schemas"]["ConversationRequest"];
            };
        };
        readonly responses: {
            /** @description The conversation as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "can": {
                     *         "change_owner": true,
                     *         "change_status": true,
                     *         "reply": true
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "has_attachments": false,
                     *       "id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *       "last_activity_at": "2026-03-01T09:30:00.000Z",
                     *       "last_message": {
                     *         "automatic": false,
                     *         "direction": "inbound",
                     *         "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *         "preview": "Thank you, that helped.",
                     *         "sender": {
                     *           "avatar_url": null,
                     *           "email": "bob@customer.example",
                     *           "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *           "kind": "contact",
                     *           "name": "Bob Fisher"
                     *         },
                     *         "sent_at": "2026-03-01T09:30:00.000Z",
                     *         "type": "email"
                     *       },
                     *       "mailbox": {
                     *         "address": "support@acme.example",
                     *         "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a"
                     *       },
                     *       "message_count": 3,
                     *       "number": 42,
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "participants": [
                     *         {
                     *           "avatar_url": null,
                     *           "email": "bob@customer.example",
                     *           "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *           "kind": "contact",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "primary_contact": {
                     *         "avatar_url": null,
                     *         "email": "bob@customer.example",
                     *         "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *         "name": "Bob Fisher"
                     *       },
                     *       "reply_defaults": {
                     *         "cc": [],
                     *         "cc_left_out": 0,
                     *         "from": {
                     *           "address": "support@acme.example",
                     *           "name": "Ann Lee"
                     *         },
                     *         "include_signature": true,
                     *         "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                     *         "subject": "Re: Order 1234",
                     *         "to": [
                     *           {
                     *             "address": "bob@customer.example",
                     *             "name": "Bob Fisher"
                     *           }
                     *         ]
                     *       },
                     *       "status": "open",
                     *       "subject": "Order 1234",
                     *       "type": "email",
                     *       "unread": true,
                     *       "unseen_replies": 1,
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Conversation"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["ConversationMerged"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_conversation_messages: {
        readonly parameters: {
            readonly query?: {
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
            };
            readonly header?: never;
            readonly path: {
                /** @description The conversation's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of messages. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "attachments": [],
                     *           "author": {
                     *             "avatar_url": null,
                     *             "email": "ann@acme.example",
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "kind": "user",
                     *             "name": "Ann Lee"
                     *           },
                     *           "automatic": false,
                     *           "bcc": [],
                     *           "cc": [],
                     *           "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "delivery": {
                     *             "attempts": 1,
                     *             "bounces": [],
                     *             "can_cancel_until": "2026-03-01T09:30:10.000Z",
                     *             "error": null,
                     *             "next_attempt_at": null,
                     *             "recipients": [
                     *               {
                     *                 "address": "bob@customer.example",
                     *                 "error": null,
                     *                 "state": "queued"
                     *               }
                     *             ],
                     *             "state": "queued"
                     *           },
                     *           "direction": "outbound",
                     *           "from": {
                     *             "address": "support@acme.example",
                     *             "name": "Ann Lee"
                     *           },
                     *           "html": "<p>Thank you, that is on its way.</p>",
                     *           "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *           "notices": [],
                     *           "preview": "Thank you, that is on its way.",
                     *           "received_at": "2026-03-01T09:30:00.000Z",
                     *           "segments": [
                     *             {
                     *               "html": "<p>Thank you, that is on its way.</p>",
                     *               "kind": "new",
                     *               "text": "Thank you, that is on its way."
                     *             }
                     *           ],
                     *           "sent_at": "2026-03-01T09:30:00.000Z",
                     *           "side": "internal",
                     *           "subject": "Re: Order 1234",
                     *           "text": "Thank you, that is on its way.",
                     *           "thread_id": "0198c7e0-8a0f-7d02-9b33-4c5d6e7f8090",
                     *           "threading": {
                     *             "matched": "0198c7e0.a7c2@customer.example",
                     *             "rule": "reference",
                     *             "sender_known": true,
                     *             "sender_verified": true
                     *           },
                     *           "to": [
                     *             {
                     *               "address": "bob@customer.example",
                     *               "name": "Bob Fisher"
                     *             }
                     *           ],
                     *           "type": "email",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["MessageList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["ConversationMerged"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_conversation_message: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The conversation's id. */
                readonly id: string;
                /** @description The message's id. */
                readonly message_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The message. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "attachments": [],
                     *       "author": {
                     *         "avatar_url": null,
                     *         "email": "ann@acme.example",
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "kind": "user",
                     *         "name": "Ann Lee"
                     *       },
                     *       "automatic": false,
                     *       "bcc": [],
                     *       "cc": [],
                     *       "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "delivery": {
                     *         "attempts": 1,
                     *         "bounces": [],
                     *         "can_cancel_until": "2026-03-01T09:30:10.000Z",
                     *         "error": null,
                     *         "next_attempt_at": null,
                     *         "recipients": [
                     *           {
                     *             "address": "bob@customer.example",
                     *             "error": null,
                     *             "state": "queued"
                     *           }
                     *         ],
                     *         "state": "queued"
                     *       },
                     *       "direction": "outbound",
                     *       "from": {
                     *         "address": "support@acme.example",
                     *         "name": "Ann Lee"
                     *       },
                     *       "html": "<p>Thank you, that is on its way.</p>",
                     *       "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *       "notices": [],
                     *       "preview": "Thank you, that is on its way.",
                     *       "received_at": "2026-03-01T09:30:00.000Z",
                     *       "segments": [
                     *         {
                     *           "html": "<p>Thank you, that is on its way.</p>",
                     *           "kind": "new",
                     *           "text": "Thank you, that is on its way."
                     *         }
                     *       ],
                     *       "sent_at": "2026-03-01T09:30:00.000Z",
                     *       "side": "internal",
                     *       "subject": "Re: Order 1234",
                     *       "text": "Thank you, that is on its way.",
                     *       "thread_id": "0198c7e0-8a0f-7d02-9b33-4c5d6e7f8090",
                     *       "threading": {
                     *         "matched": "0198c7e0.a7c2@customer.example",
                     *         "rule": "reference",
                     *         "sender_known": true,
                     *         "sender_verified": true
                     *       },
                     *       "to": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "type": "email",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Message"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["ConversationMerged"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_presence: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The conversation's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Who is there. */
            readonly 200: {
                headers: {
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *           "expires_at": "2026-03-01T09:30:00.000Z",
                     *           "state": "viewing",
                     *           "user": {
                     *             "avatar_url": null,
                     *             "email": "bob@customer.example",
                     *             "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *             "kind": "contact",
                     *             "name": "Bob Fisher"
                     *           }
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["PresenceList"];
                };
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["ConversationMerged"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly set_presence: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The conversation's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "state": "viewing"
                 *     }
                 */
                readonly "application/json": components["schemas"]["PresenceRequest"];
            };
        };
        readonly responses: {
            /** @description They are told. */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["ConversationMerged"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly create_reply: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                /** @description The conversation's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "include_signature": true,
                 *       "text": "Thank you, that is on its way."
                 *     }
                 */
                readonly "application/json": components["schemas"]["ReplyRequest"];
            };
        };
        readonly responses: {
            /** @description The message. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "attachments": [],
                     *       "author": {
                     *         "avatar_url": null,
                     *         "email": "ann@acme.example",
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "kind": "user",
                     *         "name": "Ann Lee"
                     *       },
                     *       "automatic": false,
                     *       "bcc": [],
                     *       "cc": [],
                     *       "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "delivery": {
                     *         "attempts": 1,
                     *         "bounces": [],
                     *         "can_cancel_until": "2026-03-01T09:30:10.000Z",
                     *         "error": null,
                     *         "next_attempt_at": null,
                     *         "recipients": [
                     *           {
                     *             "address": "bob@customer.example",
                     *             "error": null,
                     *             "state": "queued"
                     *           }
                     *         ],
                     *         "state": "queued"
                     *       },
                     *       "direction": "outbound",
                     *       "from": {
                     *         "address": "support@acme.example",
                     *         "name": "Ann Lee"
                     *       },
                     *       "html": "<p>Thank you, that is on its way.</p>",
                     *       "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *       "notices": [],
                     *       "preview": "Thank you, that is on its way.",
                     *       "received_at": "2026-03-01T09:30:00.000Z",
                     *       "segments": [
                     *         {
                     *           "html": "<p>Thank you, that is on its way.</p>",
                     *           "kind": "new",
                     *           "text": "Thank you, that is on its way."
                     *         }
                     *       ],
                     *       "sent_at": "2026-03-01T09:30:00.000Z",
                     *       "side": "internal",
                     *       "subject": "Re: Order 1234",
                     *       "text": "Thank you, that is on its way.",
                     *       "thread_id": "0198c7e0-8a0f-7d02-9b33-4c5d6e7f8090",
                     *       "threading": {
                     *         "matched": "0198c7e0.a7c2@customer.example",
                     *         "rule": "reference",
                     *         "sender_known": true,
                     *         "sender_verified": true
                     *       },
                     *       "to": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "type": "email",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Message"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 409: components["responses"]["ConversationMovedOnOrIdempotencyInProgress"];
            readonly 410: components["responses"]["ConversationMerged"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReusedOrNoSendingMailbox"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly preview_reply: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The conversation's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "include_signature": true,
                 *       "text": "Thank you, that is on its way."
                 *     }
                 */
                readonly "application/json": components["schemas"]["ReplyRequest"];
            };
        };
        readonly responses: {
            /** @description The mail as it would be. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "attachments": [
                     *         {
                     *           "content_type": "application/pdf",
                     *           "filename": "invoice.pdf",
                     *           "id": "0198c7e0-a4f2-7d10-9e21-70819203a4b5",
                     *           "inline": false,
                     *           "size": 48213,
                     *           "url": "https://postroom.acme.example/v1/attachments/0198c7e0-a4f2-7d10-9e21-70819203a4b5/content?expires=1772359200&code=Zm9v"
                     *         }
                     *       ],
                     *       "bcc": [],
                     *       "cc": [],
                     *       "from": {
                     *         "address": "support@acme.example",
                     *         "name": "Ann Lee"
                     *       },
                     *       "html": "<p>Thank you, that is on its way.</p>",
                     *       "segments": [
                     *         {
                     *           "html": "<p>Thank you, that is on its way.</p>",
                     *           "kind": "new",
                     *           "text": "Thank you, that is on its way."
                     *         }
                     *       ],
                     *       "subject": "Re: Order 1234",
                     *       "text": "Thank you, that is on its way.",
                     *       "to": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "warnings": [
                     *         {
                     *           "addresses": [
                     *             "eve@rival.example"
                     *           ],
                     *           "code": "new_recipient",
                     *           "detail": "They have never been part of this conversation."
                     *         }
                     *       ]
                     *     }
                     */
                    readonly "application/json": components["schemas"]["MailPreview"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["ConversationMerged"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrNoSendingMailbox"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly mark_conversation_seen: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The conversation's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                /**
                 * @example {
                 *       "message_id": "0198c7e0-9b21-7c32-8d55-6e7f80910213"
                 *     }
                 */
                readonly "application/json": components["schemas"]["SeenRequest"] | null;
            };
        };
        readonly responses: {
            /** @description It is read. */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["ConversationMerged"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly mark_conversation_unread: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The conversation's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description It is unread. */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["ConversationMerged"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly count_conversations: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The counts. */
            readonly 200: {
                headers: {
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "all": {
                     *         "open": 17,
                     *         "unread": 3
                     *       },
                     *       "mine": {
                     *         "open": 17,
                     *         "unread": 3
                     *       }
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Counts"];
                };
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_custom_fields: {
        readonly parameters: {
            readonly query?: {
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description Those for this alone. */
                readonly entity?: "contact" | "company" | "deal";
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of definitions. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "entity": "contact",
                     *           "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "position": 1,
                     *           "required": false,
                     *           "type": "text",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["CustomFieldList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly create_custom_field: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "entity": "contact",
                 *       "key": "plan",
                 *       "label": "Plan",
                 *       "options": [
                 *         "Basic",
                 *         "Pro"
                 *       ],
                 *       "position": 1,
                 *       "type": "select"
                 *     }
                 */
                readonly "application/json": components["schemas"]["CustomFieldRequest"];
            };
        };
        readonly responses: {
            /** @description The definition. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "entity": "contact",
                     *       "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *       "key": "plan",
                     *       "label": "Plan",
                     *       "options": [
                     *         "Basic",
                     *         "Pro"
                     *       ],
                     *       "position": 1,
                     *       "required": false,
                     *       "type": "text",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["CustomField"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["RoleNotAllowedOrScopeNotAllowed"];
            readonly 409: components["responses"]["IdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReused"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_custom_field: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The definition's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The definition. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "entity": "contact",
                     *       "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *       "key": "plan",
                     *       "label": "Plan",
                     *       "options": [
                     *         "Basic",
                     *         "Pro"
                     *       ],
                     *       "position": 1,
                     *       "required": false,
                     *       "type": "text",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["CustomField"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly remove_custom_field: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The definition's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description It is removed. */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["RoleNotAllowedOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly update_custom_field: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The definition's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "label": "Tariff",
                 *       "options": [
                 *         "Basic",
                 *         "Pro",
                 *         "Team"
                 *       ],
                 *       "position": 2
                 *     }
                 */
                readonly "application/json": components["schemas"]["CustomFieldPatchRequest"];
            };
        };
        readonly responses: {
            /** @description The definition as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "entity": "contact",
                     *       "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *       "key": "plan",
                     *       "label": "Plan",
                     *       "options": [
                     *         "Basic",
                     *         "Pro"
                     *       ],
                     *       "position": 1,
                     *       "required": false,
                     *       "type": "text",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["CustomField"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["RoleNotAllowedOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_deals: {
        readonly parameters: {
            readonly query?: {
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
                /** @description Only deals of this owner. */
                readonly owner_id?: string;
                /**
                 * @description The name, as far as it is known: what fits best comes first, typing errors are forgiven. Left out or blank: those
                 *     that the caller sees, the newest first.
                 * @example fifty saets
                 */
                readonly q?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of deals. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *           "name": "Fifty seats",
                     *           "owner": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "status": "open",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["DealSummaryList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly create_deal: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "amount": {
                 *         "amount": "1250.00",
                 *         "currency": "EUR"
                 *       },
                 *       "custom_fields": {
                 *         "plan": "Pro"
                 *       },
                 *       "expected_close_on": null,
                 *       "name": "Fifty seats",
                 *       "owner_id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                 *       "stage": "Offer sent",
                 *       "status": "open"
                 *     }
                 */
                readonly "application/json": components["schemas"]["DealRequest"];
            };
        };
        readonly responses: {
            /** @description The deal. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "amount": {
                     *         "amount": "1250.00",
                     *         "currency": "EUR"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "expected_close_on": null,
                     *       "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *       "name": "Fifty seats",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "stage": "Offer sent",
                     *       "status": "open",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Deal"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 409: components["responses"]["IdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReused"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_deal: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The deal's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The deal. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "amount": {
                     *         "amount": "1250.00",
                     *         "currency": "EUR"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "expected_close_on": null,
                     *       "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *       "name": "Fifty seats",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "stage": "Offer sent",
                     *       "status": "open",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Deal"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly update_deal: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The deal's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "amount": {
                 *         "amount": "1250.00",
                 *         "currency": "EUR"
                 *       },
                 *       "custom_fields": {
                 *         "plan": "Pro"
                 *       },
                 *       "expected_close_on": null,
                 *       "name": "Fifty seats",
                 *       "owner_id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                 *       "stage": "Offer sent",
                 *       "status": "open"
                 *     }
                 */
                readonly "application/json": components["schemas"]["DealPatchRequest"];
            };
        };
        readonly responses: {
            /** @description The deal as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "amount": {
                     *         "amount": "1250.00",
                     *         "currency": "EUR"
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "custom_field_definitions": [
                     *         {
                     *           "key": "plan",
                     *           "label": "Plan",
                     *           "options": [
                     *             "Basic",
                     *             "Pro"
                     *           ],
                     *           "required": false,
                     *           "type": "select"
                     *         }
                     *       ],
                     *       "custom_fields": {
                     *         "plan": "Pro"
                     *       },
                     *       "expected_close_on": null,
                     *       "id": "0198c7e0-7233-7e44-8f55-778899aabbcc",
                     *       "name": "Fifty seats",
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "stage": "Offer sent",
                     *       "status": "open",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Deal"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_events: {
        readonly parameters: {
            readonly query: {
                /**
                 * @description Behind which number: a `Postroom-Event` header, `next_after`, or the `id` of the last event that was seen.
                 * @example 1234
                 */
                readonly after: number;
                /** @description How many changes at most, 1 to 100. */
                readonly limit?: number;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description What happened since. */
            readonly 200: {
                headers: {
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "actor": null,
                     *           "at": "2026-03-01T09:30:00.000Z",
                     *           "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *           "data": {
                     *             "created_at": "2026-02-27T15:04:11.250Z",
                     *             "has_attachments": false,
                     *             "id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *             "last_activity_at": "2026-03-01T09:30:00.000Z",
                     *             "last_message": {
                     *               "automatic": false,
                     *               "direction": "inbound",
                     *               "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *               "preview": "Thank you, that helped.",
                     *               "sender": {
                     *                 "avatar_url": null,
                     *                 "email": "bob@customer.example",
                     *                 "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *                 "kind": "contact",
                     *                 "name": "Bob Fisher"
                     *               },
                     *               "sent_at": "2026-03-01T09:30:00.000Z",
                     *               "type": "email"
                     *             },
                     *             "message_count": 3,
                     *             "number": 42,
                     *             "owner": {
                     *               "avatar_url": null,
                     *               "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *               "name": "Ann Lee"
                     *             },
                     *             "primary_contact": {
                     *               "avatar_url": null,
                     *               "email": "bob@customer.example",
                     *               "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *               "name": "Bob Fisher"
                     *             },
                     *             "status": "open",
                     *             "subject": "Order 1234",
                     *             "type": "email",
                     *             "unread": true,
                     *             "unseen_replies": 1,
                     *             "updated_at": "2026-03-01T09:30:00.000Z",
                     *             "version": 5
                     *           },
                     *           "number": 1234,
                     *           "type": "conversation.updated"
                     *         }
                     *       ],
                     *       "latest": 1240,
                     *       "next_after": 1234
                     *     }
                     */
                    readonly "application/json": components["schemas"]["EventList"];
                };
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 410: components["responses"]["EventsExpired"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly follow_events: {
        readonly parameters: {
            readonly query?: {
                /**
                 * @description Behind which number, such as a `Postroom-Event` header; left out: from now on. `Last-Event-ID` comes before it.
                 * @example 1234
                 */
                readonly after?: number;
                /** @description A ticket of `POST /v1/events/ticket`, where no `Authorization` header can be sent. */
                readonly ticket?: string;
            };
            readonly header?: {
                /**
                 * @description The `id` of the last message that was read: the stream goes on behind it. EventSource sends it by itself.
                 * @example 1234
                 */
                readonly "Last-Event-ID"?: number;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The stream. */
            readonly 200: {
                headers: {
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "text/event-stream": string;
                };
            };
            readonly 400: components["responses"]["MalformedRequest"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 410: components["responses"]["EventsExpired"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly create_event_ticket: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The ticket. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ticket": "prt_AZjH4H1OfD-aUw0vWx86EQ"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Ticket"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_mail_providers: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description All of them. */
            readonly 200: {
                headers: {
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "google",
                     *           "imap": {
                     *             "host": "imap.gmail.com",
                     *             "port": 993,
                     *             "security": "tls"
                     *           },
                     *           "name": "Google",
                     *           "smtp": {
                     *             "host": "imap.gmail.com",
                     *             "port": 993,
                     *             "security": "tls"
                     *           }
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["MailProviderList"];
                };
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly begin_provider_sign_in: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "address": "support@acme.example",
                 *       "provider": "google"
                 *     }
                 */
                readonly "application/json": components["schemas"]["SignInRequest"];
            };
        };
        readonly responses: {
            /** @description Where to send the browser. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "authorization_url": "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id=postroom&state=AWqk",
                     *       "expires_at": "2026-03-01T09:30:00.000Z",
                     *       "state": "AWqk"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["SignInAtProvider"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_mailboxes: {
        readonly parameters: {
            readonly query?: {
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of mailboxes. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "address": "support@acme.example",
                     *           "auth": {
                     *             "kind": "password",
                     *             "provider": null
                     *           },
                     *           "authserv_id": null,
                     *           "backfill": {
                     *             "done": 120,
                     *             "total": 310
                     *           },
                     *           "backfill_days": 30,
                     *           "conversation_starts_on": "reply",
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "default_owner_id": null,
                     *           "display_name": "Acme Support",
                     *           "folders": [
                     *             "INBOX/Orders"
                     *           ],
                     *           "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a",
                     *           "imap": {
                     *             "host": "imap.acme.example",
                     *             "port": 993,
                     *             "security": "tls",
                     *             "username": "support@acme.example"
                     *           },
                     *           "kind": "shared",
                     *           "last_error": null,
                     *           "last_synced_at": "2026-03-01T09:30:00.000Z",
                     *           "read_folders": [
                     *             {
                     *               "backfill": {
                     *                 "done": 120,
                     *                 "total": 310
                     *               },
                     *               "found": false,
                     *               "name": "INBOX/Orders",
                     *               "role": "inbox"
                     *             }
                     *           ],
                     *           "sent_copy": "auto",
                     *           "smtp": {
                     *             "host": "smtp.acme.example",
                     *             "port": 587,
                     *             "security": "starttls",
                     *             "username": "support@acme.example"
                     *           },
                     *           "state": "reading",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "user_id": null,
                     *           "version": 5
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["MailboxList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly create_mailbox: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "address": "support@acme.example",
                 *       "display_name": "Acme Support",
                 *       "imap": {
                 *         "host": "imap.acme.example",
                 *         "password": "secret",
                 *         "port": 993,
                 *         "security": "tls"
                 *       },
                 *       "kind": "shared",
                 *       "smtp": {
                 *         "host": "smtp.acme.example",
                 *         "password": "secret",
                 *         "port": 587,
                 *         "security": "starttls"
                 *       }
                 *     }
                 */
                readonly "application/json": components["schemas"]["MailboxRequest"];
            };
        };
        readonly responses: {
            /** @description The mailbox. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": "support@acme.example",
                     *       "auth": {
                     *         "kind": "password",
                     *         "provider": null
                     *       },
                     *       "authserv_id": null,
                     *       "backfill": {
                     *         "done": 120,
                     *         "total": 310
                     *       },
                     *       "backfill_days": 30,
                     *       "conversation_starts_on": "reply",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "default_owner_id": null,
                     *       "display_name": "Acme Support",
                     *       "folders": [
                     *         "INBOX/Orders"
                     *       ],
                     *       "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a",
                     *       "imap": {
                     *         "host": "imap.acme.example",
                     *         "port": 993,
                     *         "security": "tls",
                     *         "username": "support@acme.example"
                     *       },
                     *       "kind": "shared",
                     *       "last_error": null,
                     *       "last_synced_at": "2026-03-01T09:30:00.000Z",
                     *       "read_folders": [
                     *         {
                     *           "backfill": {
                     *             "done": 120,
                     *             "total": 310
                     *           },
                     *           "found": false,
                     *           "name": "INBOX/Orders",
                     *           "role": "inbox"
                     *         }
                     *       ],
                     *       "sent_copy": "auto",
                     *       "smtp": {
                     *         "host": "smtp.acme.example",
                     *         "port": 587,
                     *         "security": "starttls",
                     *         "username": "support@acme.example"
                     *       },
                     *       "state": "reading",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "user_id": null,
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Mailbox"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed"];
            readonly 409: components["responses"]["IdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReused"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_mailbox: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The mailbox's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The mailbox. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": "support@acme.example",
                     *       "auth": {
                     *         "kind": "password",
                     *         "provider": null
                     *       },
                     *       "authserv_id": null,
                     *       "backfill": {
                     *         "done": 120,
                     *         "total": 310
                     *       },
                     *       "backfill_days": 30,
                     *       "conversation_starts_on": "reply",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "default_owner_id": null,
                     *       "display_name": "Acme Support",
                     *       "folders": [
                     *         "INBOX/Orders"
                     *       ],
                     *       "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a",
                     *       "imap": {
                     *         "host": "imap.acme.example",
                     *         "port": 993,
                     *         "security": "tls",
                     *         "username": "support@acme.example"
                     *       },
                     *       "kind": "shared",
                     *       "last_error": null,
                     *       "last_synced_at": "2026-03-01T09:30:00.000Z",
                     *       "read_folders": [
                     *         {
                     *           "backfill": {
                     *             "done": 120,
                     *             "total": 310
                     *           },
                     *           "found": false,
                     *           "name": "INBOX/Orders",
                     *           "role": "inbox"
                     *         }
                     *       ],
                     *       "sent_copy": "auto",
                     *       "smtp": {
                     *         "host": "smtp.acme.example",
                     *         "port": 587,
                     *         "security": "starttls",
                     *         "username": "support@acme.example"
                     *       },
                     *       "state": "reading",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "user_id": null,
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Mailbox"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly remove_mailbox: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The mailbox's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description It is removed. */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly update_mailbox: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The mailbox's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "display_name": "Acme Support",
                 *       "imap": {
                 *         "password": "new secret"
                 *       },
                 *       "smtp": {
                 *         "password": "new secret"
                 *       }
                 *     }
                 */
                readonly "application/json": components["schemas"]["MailboxPatchRequest"];
            };
        };
        readonly responses: {
            /** @description The mailbox as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": "support@acme.example",
                     *       "auth": {
                     *         "kind": "password",
                     *         "provider": null
                     *       },
                     *       "authserv_id": null,
                     *       "backfill": {
                     *         "done": 120,
                     *         "total": 310
                     *       },
                     *       "backfill_days": 30,
                     *       "conversation_starts_on": "reply",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "default_owner_id": null,
                     *       "display_name": "Acme Support",
                     *       "folders": [
                     *         "INBOX/Orders"
                     *       ],
                     *       "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a",
                     *       "imap": {
                     *         "host": "imap.acme.example",
                     *         "port": 993,
                     *         "security": "tls",
                     *         "username": "support@acme.example"
                     *       },
                     *       "kind": "shared",
                     *       "last_error": null,
                     *       "last_synced_at": "2026-03-01T09:30:00.000Z",
                     *       "read_folders": [
                     *         {
                     *           "backfill": {
                     *             "done": 120,
                     *             "total": 310
                     *           },
                     *           "found": false,
                     *           "name": "INBOX/Orders",
                     *           "role": "inbox"
                     *         }
                     *       ],
                     *       "sent_copy": "auto",
                     *       "smtp": {
                     *         "host": "smtp.acme.example",
                     *         "port": 587,
                     *         "security": "starttls",
                     *         "username": "support@acme.example"
                     *       },
                     *       "state": "reading",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "user_id": null,
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Mailbox"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_intake: {
        readonly parameters: {
            readonly query?: {
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
            };
            readonly header?: never;
            readonly path: {
                /** @description The mailbox's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of the list. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "detail": "This message could not be stored.",
                     *           "from": "bob@customer.example",
                     *           "has_raw": false,
                     *           "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *           "message_id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *           "reason": "failed",
                     *           "received_at": "2026-03-01T09:30:00.000Z",
                     *           "replayed_at": "2026-03-01T09:30:00.000Z"
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["IntakeEntryList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_raw_intake: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The entry's id. */
                readonly entry_id: string;
                /** @description The mailbox's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The mail. */
            readonly 200: {
                headers: {
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "message/rfc822": readonly number[];
                };
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 409: components["responses"]["NothingKept"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly replay_intake: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The entry's id. */
                readonly entry_id: string;
                /** @description The mailbox's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description What became of it. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *       "entry": {
                     *         "created_at": "2026-02-27T15:04:11.250Z",
                     *         "detail": "This message could not be stored.",
                     *         "from": "bob@customer.example",
                     *         "has_raw": false,
                     *         "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *         "message_id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *         "reason": "failed",
                     *         "received_at": "2026-03-01T09:30:00.000Z",
                     *         "replayed_at": "2026-03-01T09:30:00.000Z"
                     *       },
                     *       "outcome": "stored"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Replay"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 409: components["responses"]["NothingKept"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly sign_in_mailbox: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The mailbox's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "code": "4/0AdQt",
                 *       "state": "AWqk"
                 *     }
                 */
                readonly "application/json": components["schemas"]["SignedInRequest"];
            };
        };
        readonly responses: {
            /** @description The mailbox as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": "support@acme.example",
                     *       "auth": {
                     *         "kind": "password",
                     *         "provider": null
                     *       },
                     *       "authserv_id": null,
                     *       "backfill": {
                     *         "done": 120,
                     *         "total": 310
                     *       },
                     *       "backfill_days": 30,
                     *       "conversation_starts_on": "reply",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "default_owner_id": null,
                     *       "display_name": "Acme Support",
                     *       "folders": [
                     *         "INBOX/Orders"
                     *       ],
                     *       "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a",
                     *       "imap": {
                     *         "host": "imap.acme.example",
                     *         "port": 993,
                     *         "security": "tls",
                     *         "username": "support@acme.example"
                     *       },
                     *       "kind": "shared",
                     *       "last_error": null,
                     *       "last_synced_at": "2026-03-01T09:30:00.000Z",
                     *       "read_folders": [
                     *         {
                     *           "backfill": {
                     *             "done": 120,
                     *             "total": 310
                     *           },
                     *           "found": false,
                     *           "name": "INBOX/Orders",
                     *           "role": "inbox"
                     *         }
                     *       ],
                     *       "sent_copy": "auto",
                     *       "smtp": {
                     *         "host": "smtp.acme.example",
                     *         "port": 587,
                     *         "security": "starttls",
                     *         "username": "support@acme.example"
                     *       },
                     *       "state": "reading",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "user_id": null,
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Mailbox"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 502: components["responses"]["ProviderRefused"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly test_mailbox: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The mailbox's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                /**
                 * @example {
                 *       "imap": {
                 *         "password": "new secret"
                 *       }
                 *     }
                 */
                readonly "application/json": components["schemas"]["MailboxTestRequest"] | null;
            };
        };
        readonly responses: {
            /** @description How it went. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "imap": {
                     *         "detail": "refused login",
                     *         "fault": "name_not_found",
                     *         "ok": false
                     *       },
                     *       "smtp": {
                     *         "detail": "refused login",
                     *         "fault": "name_not_found",
                     *         "ok": false
                     *       }
                     *     }
                     */
                    readonly "application/json": components["schemas"]["MailboxTest"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly create_oauth_mailbox: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "address": "support@acme.example",
                 *       "code": "4/0AdQt",
                 *       "display_name": "Acme Support",
                 *       "kind": "shared",
                 *       "state": "AWqk"
                 *     }
                 */
                readonly "application/json": components["schemas"]["OAuthMailboxRequest"];
            };
        };
        readonly responses: {
            /** @description The mailbox. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "address": "support@acme.example",
                     *       "auth": {
                     *         "kind": "password",
                     *         "provider": null
                     *       },
                     *       "authserv_id": null,
                     *       "backfill": {
                     *         "done": 120,
                     *         "total": 310
                     *       },
                     *       "backfill_days": 30,
                     *       "conversation_starts_on": "reply",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "default_owner_id": null,
                     *       "display_name": "Acme Support",
                     *       "folders": [
                     *         "INBOX/Orders"
                     *       ],
                     *       "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a",
                     *       "imap": {
                     *         "host": "imap.acme.example",
                     *         "port": 993,
                     *         "security": "tls",
                     *         "username": "support@acme.example"
                     *       },
                     *       "kind": "shared",
                     *       "last_error": null,
                     *       "last_synced_at": "2026-03-01T09:30:00.000Z",
                     *       "read_folders": [
                     *         {
                     *           "backfill": {
                     *             "done": 120,
                     *             "total": 310
                     *           },
                     *           "found": false,
                     *           "name": "INBOX/Orders",
                     *           "role": "inbox"
                     *         }
                     *       ],
                     *       "sent_copy": "auto",
                     *       "smtp": {
                     *         "host": "smtp.acme.example",
                     *         "port": 587,
                     *         "security": "starttls",
                     *         "username": "support@acme.example"
                     *       },
                     *       "state": "reading",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "user_id": null,
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Mailbox"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrRoleNotAllowedOrScopeNotAllowed"];
            readonly 409: components["responses"]["IdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReused"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 502: components["responses"]["ProviderRefused"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_me: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The user. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "avatar_url": null,
                     *       "can": {
                     *         "manage_custom_fields": true,
                     *         "manage_mailboxes": true,
                     *         "manage_users": true,
                     *         "view_all": true
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "email": "ann@acme.example",
                     *       "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *       "name": "Ann Lee",
                     *       "role": "owner",
                     *       "signature_enabled": true,
                     *       "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                     *       "time_zone": "Europe/Berlin",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "workspace": {
                     *         "features": {
                     *           "conversations": "enabled"
                     *         },
                     *         "id": "0198c7cf-0011-7b22-8c33-44d55e66f778",
                     *         "name": "Acme Inc.",
                     *         "slug": "acme"
                     *       }
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Me"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly update_me: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                 *       "time_zone": "Europe/Berlin"
                 *     }
                 */
                readonly "application/json": components["schemas"]["MeRequest"];
            };
        };
        readonly responses: {
            /** @description The user as they are now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "avatar_url": null,
                     *       "can": {
                     *         "manage_custom_fields": true,
                     *         "manage_mailboxes": true,
                     *         "manage_users": true,
                     *         "view_all": true
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "email": "ann@acme.example",
                     *       "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *       "name": "Ann Lee",
                     *       "role": "owner",
                     *       "signature_enabled": true,
                     *       "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                     *       "time_zone": "Europe/Berlin",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "workspace": {
                     *         "features": {
                     *           "conversations": "enabled"
                     *         },
                     *         "id": "0198c7cf-0011-7b22-8c33-44d55e66f778",
                     *         "name": "Acme Inc.",
                     *         "slug": "acme"
                     *       }
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Me"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly set_my_avatar: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "multipart/form-data": components["schemas"]["PictureRequest"];
            };
        };
        readonly responses: {
            /** @description The user as they are now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "avatar_url": null,
                     *       "can": {
                     *         "manage_custom_fields": true,
                     *         "manage_mailboxes": true,
                     *         "manage_users": true,
                     *         "view_all": true
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "email": "ann@acme.example",
                     *       "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *       "name": "Ann Lee",
                     *       "role": "owner",
                     *       "signature_enabled": true,
                     *       "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                     *       "time_zone": "Europe/Berlin",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "workspace": {
                     *         "features": {
                     *           "conversations": "enabled"
                     *         },
                     *         "id": "0198c7cf-0011-7b22-8c33-44d55e66f778",
                     *         "name": "Acme Inc.",
                     *         "slug": "acme"
                     *       }
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Me"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly remove_my_avatar: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The user as they are now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "avatar_url": null,
                     *       "can": {
                     *         "manage_custom_fields": true,
                     *         "manage_mailboxes": true,
                     *         "manage_users": true,
                     *         "view_all": true
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "email": "ann@acme.example",
                     *       "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *       "name": "Ann Lee",
                     *       "role": "owner",
                     *       "signature_enabled": true,
                     *       "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                     *       "time_zone": "Europe/Berlin",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5,
                     *       "workspace": {
                     *         "features": {
                     *           "conversations": "enabled"
                     *         },
                     *         "id": "0198c7cf-0011-7b22-8c33-44d55e66f778",
                     *         "name": "Acme Inc.",
                     *         "slug": "acme"
                     *       }
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Me"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly change_password: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "current_password": "correct horse battery staple",
                 *       "new_password": "a field of blue barley"
                 *     }
                 */
                readonly "application/json": components["schemas"]["PasswordRequest"];
            };
        };
        readonly responses: {
            /** @description It is changed. */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowedOrApiKeyNotAllowed"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_messages: {
        readonly parameters: {
            readonly query?: {
                /** @description Whose; there is only `me`, which is the default. */
                readonly author?: "me";
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
                /**
                 * @description Those in one of these delivery states, with commas between them: `queued`, `sending`, `sent`, `partial`,
                 *     `failed`, `unknown`, `bounced`. Left out: all.
                 * @example failed,partial,unknown
                 */
                readonly state?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of messages. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "attachments": [],
                     *           "author": {
                     *             "avatar_url": null,
                     *             "email": "ann@acme.example",
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "kind": "user",
                     *             "name": "Ann Lee"
                     *           },
                     *           "automatic": false,
                     *           "bcc": [],
                     *           "cc": [],
                     *           "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "delivery": {
                     *             "attempts": 1,
                     *             "bounces": [],
                     *             "can_cancel_until": "2026-03-01T09:30:10.000Z",
                     *             "error": null,
                     *             "next_attempt_at": null,
                     *             "recipients": [
                     *               {
                     *                 "address": "bob@customer.example",
                     *                 "error": null,
                     *                 "state": "queued"
                     *               }
                     *             ],
                     *             "state": "queued"
                     *           },
                     *           "direction": "outbound",
                     *           "from": {
                     *             "address": "support@acme.example",
                     *             "name": "Ann Lee"
                     *           },
                     *           "html": "<p>Thank you, that is on its way.</p>",
                     *           "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *           "notices": [],
                     *           "preview": "Thank you, that is on its way.",
                     *           "received_at": "2026-03-01T09:30:00.000Z",
                     *           "segments": [
                     *             {
                     *               "html": "<p>Thank you, that is on its way.</p>",
                     *               "kind": "new",
                     *               "text": "Thank you, that is on its way."
                     *             }
                     *           ],
                     *           "sent_at": "2026-03-01T09:30:00.000Z",
                     *           "side": "internal",
                     *           "subject": "Re: Order 1234",
                     *           "text": "Thank you, that is on its way.",
                     *           "thread_id": "0198c7e0-8a0f-7d02-9b33-4c5d6e7f8090",
                     *           "threading": {
                     *             "matched": "0198c7e0.a7c2@customer.example",
                     *             "rule": "reference",
                     *             "sender_known": true,
                     *             "sender_verified": true
                     *           },
                     *           "to": [
                     *             {
                     *               "address": "bob@customer.example",
                     *               "name": "Bob Fisher"
                     *             }
                     *           ],
                     *           "type": "email",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["MessageList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly create_message: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "mailbox_id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                 *       "subject": "Your order 1234",
                 *       "text": "Your order has left our house today.",
                 *       "to": [
                 *         {
                 *           "address": "bob@customer.example",
                 *           "name": "Bob Fisher"
                 *         }
                 *       ]
                 *     }
                 */
                readonly "application/json": components["schemas"]["NewMailRequest"];
            };
        };
        readonly responses: {
            /** @description The message. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "attachments": [],
                     *       "author": {
                     *         "avatar_url": null,
                     *         "email": "ann@acme.example",
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "kind": "user",
                     *         "name": "Ann Lee"
                     *       },
                     *       "automatic": false,
                     *       "bcc": [],
                     *       "cc": [],
                     *       "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "delivery": {
                     *         "attempts": 1,
                     *         "bounces": [],
                     *         "can_cancel_until": "2026-03-01T09:30:10.000Z",
                     *         "error": null,
                     *         "next_attempt_at": null,
                     *         "recipients": [
                     *           {
                     *             "address": "bob@customer.example",
                     *             "error": null,
                     *             "state": "queued"
                     *           }
                     *         ],
                     *         "state": "queued"
                     *       },
                     *       "direction": "outbound",
                     *       "from": {
                     *         "address": "support@acme.example",
                     *         "name": "Ann Lee"
                     *       },
                     *       "html": "<p>Thank you, that is on its way.</p>",
                     *       "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *       "notices": [],
                     *       "preview": "Thank you, that is on its way.",
                     *       "received_at": "2026-03-01T09:30:00.000Z",
                     *       "segments": [
                     *         {
                     *           "html": "<p>Thank you, that is on its way.</p>",
                     *           "kind": "new",
                     *           "text": "Thank you, that is on its way."
                     *         }
                     *       ],
                     *       "sent_at": "2026-03-01T09:30:00.000Z",
                     *       "side": "internal",
                     *       "subject": "Re: Order 1234",
                     *       "text": "Thank you, that is on its way.",
                     *       "thread_id": "0198c7e0-8a0f-7d02-9b33-4c5d6e7f8090",
                     *       "threading": {
                     *         "matched": "0198c7e0.a7c2@customer.example",
                     *         "rule": "reference",
                     *         "sender_known": true,
                     *         "sender_verified": true
                     *       },
                     *       "to": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "type": "email",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Message"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 409: components["responses"]["IdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReusedOrNoSendingMailbox"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_message: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The message's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The message. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "attachments": [],
                     *       "author": {
                     *         "avatar_url": null,
                     *         "email": "ann@acme.example",
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "kind": "user",
                     *         "name": "Ann Lee"
                     *       },
                     *       "automatic": false,
                     *       "bcc": [],
                     *       "cc": [],
                     *       "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "delivery": {
                     *         "attempts": 1,
                     *         "bounces": [],
                     *         "can_cancel_until": "2026-03-01T09:30:10.000Z",
                     *         "error": null,
                     *         "next_attempt_at": null,
                     *         "recipients": [
                     *           {
                     *             "address": "bob@customer.example",
                     *             "error": null,
                     *             "state": "queued"
                     *           }
                     *         ],
                     *         "state": "queued"
                     *       },
                     *       "direction": "outbound",
                     *       "from": {
                     *         "address": "support@acme.example",
                     *         "name": "Ann Lee"
                     *       },
                     *       "html": "<p>Thank you, that is on its way.</p>",
                     *       "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *       "notices": [],
                     *       "preview": "Thank you, that is on its way.",
                     *       "received_at": "2026-03-01T09:30:00.000Z",
                     *       "segments": [
                     *         {
                     *           "html": "<p>Thank you, that is on its way.</p>",
                     *           "kind": "new",
                     *           "text": "Thank you, that is on its way."
                     *         }
                     *       ],
                     *       "sent_at": "2026-03-01T09:30:00.000Z",
                     *       "side": "internal",
                     *       "subject": "Re: Order 1234",
                     *       "text": "Thank you, that is on its way.",
                     *       "thread_id": "0198c7e0-8a0f-7d02-9b33-4c5d6e7f8090",
                     *       "threading": {
                     *         "matched": "0198c7e0.a7c2@customer.example",
                     *         "rule": "reference",
                     *         "sender_known": true,
                     *         "sender_verified": true
                     *       },
                     *       "to": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "type": "email",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Message"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly cancel_message: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The message's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The body of the request that had made it. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "include_signature": true,
                     *       "text": "Thank you, that is on its way."
                     *     }
                     */
                    readonly "application/json": Record<string, unknown>;
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowedOrNotAuthor"];
            readonly 404: components["responses"]["NotFound"];
            readonly 409: components["responses"]["AlreadySending"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_raw_message: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The message's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The mail. */
            readonly 200: {
                headers: {
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "message/rfc822": components["schemas"]["FileContent"];
                };
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly retry_message: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The message's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                /**
                 * @example {
                 *       "accept_duplicate": true
                 *     }
                 */
                readonly "application/json": components["schemas"]["RetryRequest"] | null;
            };
        };
        readonly responses: {
            /** @description The message, queued again. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "attachments": [],
                     *       "author": {
                     *         "avatar_url": null,
                     *         "email": "ann@acme.example",
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "kind": "user",
                     *         "name": "Ann Lee"
                     *       },
                     *       "automatic": false,
                     *       "bcc": [],
                     *       "cc": [],
                     *       "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "delivery": {
                     *         "attempts": 1,
                     *         "bounces": [],
                     *         "can_cancel_until": "2026-03-01T09:30:10.000Z",
                     *         "error": null,
                     *         "next_attempt_at": null,
                     *         "recipients": [
                     *           {
                     *             "address": "bob@customer.example",
                     *             "error": null,
                     *             "state": "queued"
                     *           }
                     *         ],
                     *         "state": "queued"
                     *       },
                     *       "direction": "outbound",
                     *       "from": {
                     *         "address": "support@acme.example",
                     *         "name": "Ann Lee"
                     *       },
                     *       "html": "<p>Thank you, that is on its way.</p>",
                     *       "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *       "notices": [],
                     *       "preview": "Thank you, that is on its way.",
                     *       "received_at": "2026-03-01T09:30:00.000Z",
                     *       "segments": [
                     *         {
                     *           "html": "<p>Thank you, that is on its way.</p>",
                     *           "kind": "new",
                     *           "text": "Thank you, that is on its way."
                     *         }
                     *       ],
                     *       "sent_at": "2026-03-01T09:30:00.000Z",
                     *       "side": "internal",
                     *       "subject": "Re: Order 1234",
                     *       "text": "Thank you, that is on its way.",
                     *       "thread_id": "0198c7e0-8a0f-7d02-9b33-4c5d6e7f8090",
                     *       "threading": {
                     *         "matched": "0198c7e0.a7c2@customer.example",
                     *         "rule": "reference",
                     *         "sender_known": true,
                     *         "sender_verified": true
                     *       },
                     *       "to": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "type": "email",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Message"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 409: components["responses"]["AlreadySendingOrNothingToRetryOrMayDuplicate"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrNoSendingMailbox"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly preview_message: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "mailbox_id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                 *       "subject": "Your order 1234",
                 *       "text": "Your order has left our house today.",
                 *       "to": [
                 *         {
                 *           "address": "bob@customer.example",
                 *           "name": "Bob Fisher"
                 *         }
                 *       ]
                 *     }
                 */
                readonly "application/json": components["schemas"]["NewMailRequest"];
            };
        };
        readonly responses: {
            /** @description The mail as it would be. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "attachments": [
                     *         {
                     *           "content_type": "application/pdf",
                     *           "filename": "invoice.pdf",
                     *           "id": "0198c7e0-a4f2-7d10-9e21-70819203a4b5",
                     *           "inline": false,
                     *           "size": 48213,
                     *           "url": "https://postroom.acme.example/v1/attachments/0198c7e0-a4f2-7d10-9e21-70819203a4b5/content?expires=1772359200&code=Zm9v"
                     *         }
                     *       ],
                     *       "bcc": [],
                     *       "cc": [],
                     *       "from": {
                     *         "address": "support@acme.example",
                     *         "name": "Ann Lee"
                     *       },
                     *       "html": "<p>Thank you, that is on its way.</p>",
                     *       "segments": [
                     *         {
                     *           "html": "<p>Thank you, that is on its way.</p>",
                     *           "kind": "new",
                     *           "text": "Thank you, that is on its way."
                     *         }
                     *       ],
                     *       "subject": "Re: Order 1234",
                     *       "text": "Thank you, that is on its way.",
                     *       "to": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "warnings": [
                     *         {
                     *           "addresses": [
                     *             "eve@rival.example"
                     *           ],
                     *           "code": "new_recipient",
                     *           "detail": "They have never been part of this conversation."
                     *         }
                     *       ]
                     *     }
                     */
                    readonly "application/json": components["schemas"]["MailPreview"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrNoSendingMailbox"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_recipients: {
        readonly parameters: {
            readonly query?: {
                /** @description How many at most, 1 to 50. */
                readonly limit?: number;
                /**
                 * @description Name or address, as far as it is known: what fits best comes first, typing errors are forgiven. Left out or blank:
                 *     the contacts of the caller's own latest conversations.
                 * @example bob fischer
                 */
                readonly q?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description Those who fit best. */
            readonly 200: {
                headers: {
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "avatar_url": null,
                     *           "email": "bob@customer.example",
                     *           "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *           "kind": "contact",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["AuthorList"];
                };
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_threads: {
        readonly parameters: {
            readonly query?: {
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
                /**
                 * @description Which threads.
                 * @example waiting
                 */
                readonly state?: "waiting";
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of threads. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "author": {
                     *             "avatar_url": null,
                     *             "email": "bob@customer.example",
                     *             "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *             "kind": "contact",
                     *             "name": "Bob Fisher"
                     *           },
                     *           "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "first_message_id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *           "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *           "last_message_at": "2026-03-01T09:30:00.000Z",
                     *           "mailbox": {
                     *             "address": "support@acme.example",
                     *             "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a"
                     *           },
                     *           "message_count": 3,
                     *           "preview": "Hello Bob, it is on its way.",
                     *           "recipients": [
                     *             {
                     *               "address": "bob@customer.example",
                     *               "name": "Bob Fisher"
                     *             }
                     *           ],
                     *           "subject": "Your new grinder",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["ThreadList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_thread: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The thread's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The thread. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "author": {
                     *         "avatar_url": null,
                     *         "email": "bob@customer.example",
                     *         "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *         "kind": "contact",
                     *         "name": "Bob Fisher"
                     *       },
                     *       "conversation_id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "first_message_id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *       "id": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11",
                     *       "last_message_at": "2026-03-01T09:30:00.000Z",
                     *       "mailbox": {
                     *         "address": "support@acme.example",
                     *         "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a"
                     *       },
                     *       "message_count": 3,
                     *       "preview": "Hello Bob, it is on its way.",
                     *       "recipients": [
                     *         {
                     *           "address": "bob@customer.example",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "subject": "Your new grinder",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Thread"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabled"];
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly start_conversation: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path: {
                /** @description The thread's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The conversation that it was already. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "can": {
                     *         "change_owner": true,
                     *         "change_status": true,
                     *         "reply": true
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "has_attachments": false,
                     *       "id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *       "last_activity_at": "2026-03-01T09:30:00.000Z",
                     *       "last_message": {
                     *         "automatic": false,
                     *         "direction": "inbound",
                     *         "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *         "preview": "Thank you, that helped.",
                     *         "sender": {
                     *           "avatar_url": null,
                     *           "email": "bob@customer.example",
                     *           "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *           "kind": "contact",
                     *           "name": "Bob Fisher"
                     *         },
                     *         "sent_at": "2026-03-01T09:30:00.000Z",
                     *         "type": "email"
                     *       },
                     *       "mailbox": {
                     *         "address": "support@acme.example",
                     *         "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a"
                     *       },
                     *       "message_count": 3,
                     *       "number": 42,
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "participants": [
                     *         {
                     *           "avatar_url": null,
                     *           "email": "bob@customer.example",
                     *           "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *           "kind": "contact",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "primary_contact": {
                     *         "avatar_url": null,
                     *         "email": "bob@customer.example",
                     *         "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *         "name": "Bob Fisher"
                     *       },
                     *       "reply_defaults": {
                     *         "cc": [],
                     *         "cc_left_out": 0,
                     *         "from": {
                     *           "address": "support@acme.example",
                     *           "name": "Ann Lee"
                     *         },
                     *         "include_signature": true,
                     *         "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                     *         "subject": "Re: Order 1234",
                     *         "to": [
                     *           {
                     *             "address": "bob@customer.example",
                     *             "name": "Bob Fisher"
                     *           }
                     *         ]
                     *       },
                     *       "status": "open",
                     *       "subject": "Order 1234",
                     *       "type": "email",
                     *       "unread": true,
                     *       "unseen_replies": 1,
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Conversation"];
                };
            };
            /** @description The conversation. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "can": {
                     *         "change_owner": true,
                     *         "change_status": true,
                     *         "reply": true
                     *       },
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "has_attachments": false,
                     *       "id": "0198c7e0-8a10-7b21-8c44-5d6e7f809101",
                     *       "last_activity_at": "2026-03-01T09:30:00.000Z",
                     *       "last_message": {
                     *         "automatic": false,
                     *         "direction": "inbound",
                     *         "id": "0198c7e0-9b21-7c32-8d55-6e7f80910213",
                     *         "preview": "Thank you, that helped.",
                     *         "sender": {
                     *           "avatar_url": null,
                     *           "email": "bob@customer.example",
                     *           "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *           "kind": "contact",
                     *           "name": "Bob Fisher"
                     *         },
                     *         "sent_at": "2026-03-01T09:30:00.000Z",
                     *         "type": "email"
                     *       },
                     *       "mailbox": {
                     *         "address": "support@acme.example",
                     *         "id": "0198c7d1-2b3c-7d4e-9f50-6b7c8d9e0f1a"
                     *       },
                     *       "message_count": 3,
                     *       "number": 42,
                     *       "owner": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "participants": [
                     *         {
                     *           "avatar_url": null,
                     *           "email": "bob@customer.example",
                     *           "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *           "kind": "contact",
                     *           "name": "Bob Fisher"
                     *         }
                     *       ],
                     *       "primary_contact": {
                     *         "avatar_url": null,
                     *         "email": "bob@customer.example",
                     *         "id": "0198c7e0-6c3d-7b2e-8f42-9c1e4a0d2b87",
                     *         "name": "Bob Fisher"
                     *       },
                     *       "reply_defaults": {
                     *         "cc": [],
                     *         "cc_left_out": 0,
                     *         "from": {
                     *           "address": "support@acme.example",
                     *           "name": "Ann Lee"
                     *         },
                     *         "include_signature": true,
                     *         "signature_html": "<p>Ann Lee<br>Acme Inc.</p>",
                     *         "subject": "Re: Order 1234",
                     *         "to": [
                     *           {
                     *             "address": "bob@customer.example",
                     *             "name": "Bob Fisher"
                     *           }
                     *         ]
                     *       },
                     *       "status": "open",
                     *       "subject": "Order 1234",
                     *       "type": "email",
                     *       "unread": true,
                     *       "unseen_replies": 1,
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Conversation"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["FeatureNotEnabledOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 409: components["responses"]["NoExternalPartyOrIdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReused"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_users: {
        readonly parameters: {
            readonly query?: {
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
                /**
                 * @description Which ones. Others than the active ones are for who manages users. Default: `active`.
                 * @example active
                 */
                readonly status?: "active" | "invited" | "deactivated" | "all";
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of users. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "active": false,
                     *           "avatar_url": null,
                     *           "created_at": "2026-02-27T15:04:11.250Z",
                     *           "email": "ann@acme.example",
                     *           "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *           "name": "Ann Lee",
                     *           "role": "owner",
                     *           "status": "active",
                     *           "updated_at": "2026-03-01T09:30:00.000Z",
                     *           "version": 5
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["UserList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["RoleNotAllowedOrScopeNotAllowed"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly invite_user: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "email": "ben@acme.example",
                 *       "name": "Ben Frost",
                 *       "role": "team_member"
                 *     }
                 */
                readonly "application/json": components["schemas"]["InvitationRequest"];
            };
        };
        readonly responses: {
            /** @description The invited user. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "active": false,
                     *       "avatar_url": null,
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "email": "ann@acme.example",
                     *       "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *       "name": "Ann Lee",
                     *       "role": "owner",
                     *       "status": "active",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["User"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["RoleNotAllowedOrScopeNotAllowed"];
            readonly 409: components["responses"]["MailNotConfiguredOrIdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReused"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_user: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path: {
                /** @description The user's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The user. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "active": false,
                     *       "avatar_url": null,
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "email": "ann@acme.example",
                     *       "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *       "name": "Ann Lee",
                     *       "role": "owner",
                     *       "status": "active",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["User"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly update_user: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path: {
                /** @description The user's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "active": false,
                 *       "reassign_to": "0198c7e0-7d4e-7c3f-9a53-0d2f5b1f3a11"
                 *     }
                 */
                readonly "application/json": components["schemas"]["UserRequest"];
            };
        };
        readonly responses: {
            /** @description The user as they are now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "active": false,
                     *       "avatar_url": null,
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "email": "ann@acme.example",
                     *       "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *       "name": "Ann Lee",
                     *       "role": "owner",
                     *       "status": "active",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["User"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["RoleNotAllowedOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly resend_invitation: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /** @description The user's id. */
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The invited user. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "active": false,
                     *       "avatar_url": null,
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "email": "ann@acme.example",
                     *       "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *       "name": "Ann Lee",
                     *       "role": "owner",
                     *       "status": "active",
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["User"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["RoleNotAllowedOrScopeNotAllowed"];
            readonly 404: components["responses"]["NotFound"];
            readonly 409: components["responses"]["NotInvitedOrMailNotConfigured"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly get_workspace: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the answer that the client has: 304 without a body if it would be the same.
                 * @example "5-1bq0xk3n5yCwq0aP"
                 */
                readonly "If-None-Match"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The workspace. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "conversation_starts_on": "reply",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "features": {
                     *         "conversations": "enabled"
                     *       },
                     *       "id": "0198c7cf-0011-7b22-8c33-44d55e66f778",
                     *       "name": "Acme Inc.",
                     *       "slug": "acme",
                     *       "undo_send_seconds": 10,
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Workspace"];
                };
            };
            /** @description As in the answer that the client has; no body. */
            readonly 304: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly update_workspace: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description The `ETag` of the state that was edited (or just `"<version>"`). If the version is another one by now, nothing
                 *     is saved and 412 `stale_version` gives the present state under `current`.
                 */
                readonly "If-Match"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "name": "Acme Inc.",
                 *       "undo_send_seconds": 20
                 *     }
                 */
                readonly "application/json": components["schemas"]["WorkspaceRequest"];
            };
        };
        readonly responses: {
            /** @description The workspace as it is now. */
            readonly 200: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "conversation_starts_on": "reply",
                     *       "created_at": "2026-02-27T15:04:11.250Z",
                     *       "features": {
                     *         "conversations": "enabled"
                     *       },
                     *       "id": "0198c7cf-0011-7b22-8c33-44d55e66f778",
                     *       "name": "Acme Inc.",
                     *       "slug": "acme",
                     *       "undo_send_seconds": 10,
                     *       "updated_at": "2026-03-01T09:30:00.000Z",
                     *       "version": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Workspace"];
                };
            };
            readonly 400: components["responses"]["MalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["RoleNotAllowedOrScopeNotAllowed"];
            readonly 412: components["responses"]["StaleVersion"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly list_feature_requests: {
        readonly parameters: {
            readonly query?: {
                /** @description `next_cursor` of the page before, unchanged, with the same other parameters. */
                readonly cursor?: string;
                /** @description How many elements at most, 1 to 100. */
                readonly limit?: number;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The wishes. */
            readonly 200: {
                headers: {
                    /** @description The next page, `rel="next"`. */
                    readonly Link?: string;
                    /** @description The last event that this answer includes: `GET /v1/events?after=` it misses nothing. */
                    readonly "Postroom-Event"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "feature": "conversations",
                     *           "message": null,
                     *           "requested_at": "2026-03-01T09:30:00.000Z",
                     *           "requested_by": {
                     *             "avatar_url": null,
                     *             "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *             "name": "Ann Lee"
                     *           },
                     *           "state": "disabled"
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    readonly "application/json": components["schemas"]["FeatureRequestList"];
                };
            };
            readonly 400: components["responses"]["InvalidCursor"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 422: components["responses"]["ValidationFailed"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly request_feature: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /**
                 * @description 1 to 255 printable ASCII characters, best a new UUID for each thing to be made. The first answer is kept for 24
                 *     hours and given again to the same request, with `Idempotent-Replayed: true`; nothing happens twice.
                 * @example 5f1c2a4e-6a0d-4d2c-8f0e-0d6c9b1f7a11
                 */
                readonly "Idempotency-Key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "feature": "conversations",
                 *       "message": "We would like to answer customers together."
                 *     }
                 */
                readonly "application/json": components["schemas"]["FeatureRequestRequest"];
            };
        };
        readonly responses: {
            /** @description The wish as it stands. */
            readonly 201: {
                headers: {
                    /** @description `"<version>-<digest>"`, for `If-Match` and `If-None-Match`. */
                    readonly ETag?: string;
                    /** @description `true` where the same request was answered before: nothing happened now. */
                    readonly "Idempotent-Replayed"?: string;
                    /** @description The address of the new thing. */
                    readonly Location?: string;
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "feature": "conversations",
                     *       "message": null,
                     *       "requested_at": "2026-03-01T09:30:00.000Z",
                     *       "requested_by": {
                     *         "avatar_url": null,
                     *         "id": "0198c7d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
                     *         "name": "Ann Lee"
                     *       },
                     *       "state": "disabled"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["FeatureRequest"];
                };
            };
            readonly 400: components["responses"]["MalformedRequestOrMalformedJson"];
            readonly 401: components["responses"]["NotAuthenticated"];
            readonly 403: components["responses"]["ScopeNotAllowed"];
            readonly 409: components["responses"]["IdempotencyInProgress"];
            readonly 413: components["responses"]["BodyTooLarge"];
            readonly 415: components["responses"]["UnsupportedMediaType"];
            readonly 422: components["responses"]["ValidationFailedOrIdempotencyKeyReused"];
            readonly 429: components["responses"]["RateLimited"];
            readonly 500: components["responses"]["Internal"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
}
