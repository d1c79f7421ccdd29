//! The tables, as the migrations make them. Generated from the catalogue of a migrated database: a test compares.

diesel::table! {
    account_links (digest) {
        digest -> Bytea,
        workspace_id -> Uuid,
        user_id -> Uuid,
        purpose -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    api_key_digests (digest) {
        digest -> Bytea,
        workspace_id -> Uuid,
        key_id -> Uuid,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    api_keys (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        scope -> Text,
        hint -> Text,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    attachments (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        message_id -> Nullable<Uuid>,
        uploaded_by -> Nullable<Uuid>,
        position -> Int4,
        filename -> Nullable<Text>,
        content_type -> Text,
        size -> Int8,
        sha256 -> Bytea,
        content_id -> Nullable<Text>,
        is_inline -> Bool,
        created_at -> Timestamptz,
        unused_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    audit (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        actor_user_id -> Nullable<Uuid>,
        api_key_id -> Nullable<Uuid>,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        action -> Text,
        object_kind -> Text,
        object_id -> Nullable<Uuid>,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
    }
}

diesel::table! {
    blobs (workspace_id, sha256) {
        workspace_id -> Uuid,
        sha256 -> Bytea,
        size -> Int8,
        touched_at -> Timestamptz,
    }
}

diesel::table! {
    companies (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        domain -> Nullable<Text>,
        phone -> Nullable<Text>,
        website -> Nullable<Text>,
        industry -> Nullable<Text>,
        size -> Nullable<Text>,
        street -> Nullable<Text>,
        city -> Nullable<Text>,
        region -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        country -> Nullable<Text>,
        description -> Nullable<Text>,
        custom_fields -> Jsonb,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    contact_deals (workspace_id, contact_id, deal_id) {
        workspace_id -> Uuid,
        contact_id -> Uuid,
        deal_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    contact_emails (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        contact_id -> Uuid,
        address -> Text,
        is_primary -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    contacts (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        phone -> Nullable<Text>,
        title -> Nullable<Text>,
        street -> Nullable<Text>,
        city -> Nullable<Text>,
        region -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        country -> Nullable<Text>,
        website -> Nullable<Text>,
        time_zone -> Nullable<Text>,
        description -> Nullable<Text>,
        owner_id -> Uuid,
        company_id -> Nullable<Uuid>,
        custom_fields -> Jsonb,
        avatar_sha256 -> Nullable<Bytea>,
        merged_into -> Nullable<Uuid>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    conversations (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        number -> Int8,
        thread_id -> Uuid,
        mailbox_id -> Uuid,
        subject -> Text,
        status -> Text,
        closed_at -> Nullable<Timestamptz>,
        owner_id -> Uuid,
        primary_contact_id -> Uuid,
        unread -> Bool,
        unseen_replies -> Int4,
        seen_at -> Nullable<Timestamptz>,
        seen_message_id -> Nullable<Uuid>,
        last_activity_at -> Timestamptz,
        message_count -> Int4,
        has_attachments -> Bool,
        last_message_id -> Uuid,
        last_message_direction -> Text,
        last_message_automatic -> Bool,
        last_message_preview -> Text,
        last_message_at -> Timestamptz,
        last_sender_kind -> Text,
        last_sender_id -> Nullable<Uuid>,
        last_sender_name -> Text,
        last_sender_address -> Text,
        merged_into -> Nullable<Uuid>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    custom_field_definitions (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        entity -> Text,
        key -> Text,
        label -> Text,
        #[sql_name = "type"]
        type_ -> Text,
        options -> Jsonb,
        required -> Bool,
        position -> Int4,
        removed_at -> Nullable<Timestamptz>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    deals (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        amount_minor -> Nullable<Int8>,
        currency -> Nullable<Text>,
        stage -> Nullable<Text>,
        status -> Text,
        expected_close_on -> Nullable<Date>,
        owner_id -> Uuid,
        custom_fields -> Jsonb,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    delivery_recipients (workspace_id, message_id, address) {
        workspace_id -> Uuid,
        message_id -> Uuid,
        address -> Text,
        state -> Text,
        code -> Nullable<Int4>,
        error -> Nullable<Text>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    events (workspace_id, number) {
        workspace_id -> Uuid,
        number -> Int8,
        #[sql_name = "type"]
        type_ -> Text,
        at -> Timestamptz,
        actor_user_id -> Nullable<Uuid>,
        conversation_id -> Nullable<Uuid>,
        subject_id -> Nullable<Uuid>,
        owner_before -> Nullable<Uuid>,
        owner_after -> Nullable<Uuid>,
        data -> Jsonb,
    }
}

diesel::table! {
    folders (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        mailbox_id -> Uuid,
        name -> Text,
        role -> Text,
        uid_validity -> Int8,
        live_uid -> Int8,
        backfill_uid -> Int8,
        backfill_end -> Int8,
        backfill_total -> Int4,
        backfill_done -> Int4,
        failed_uid -> Nullable<Int8>,
        failures -> Int4,
        created_at -> Timestamptz,
        label -> Text,
    }
}

diesel::table! {
    further_folders (workspace_id, mailbox_id, name) {
        workspace_id -> Uuid,
        mailbox_id -> Uuid,
        name -> Text,
        named_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_keys (workspace_id, user_id, key) {
        workspace_id -> Uuid,
        user_id -> Uuid,
        key -> Text,
        fingerprint -> Bytea,
        status -> Int2,
        location -> Nullable<Text>,
        body -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    ignored_addresses (workspace_id, address) {
        workspace_id -> Uuid,
        address -> Text,
        reason -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    intake (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        mailbox_id -> Uuid,
        folder_id -> Nullable<Uuid>,
        uid -> Nullable<Int8>,
        reason -> Text,
        detail -> Text,
        raw_sha256 -> Nullable<Bytea>,
        message_id -> Nullable<Uuid>,
        received_at -> Timestamptz,
        replayed_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        from_address -> Nullable<Text>,
    }
}

diesel::table! {
    mail_bursts (workspace_id, mailbox_id, likeness) {
        workspace_id -> Uuid,
        mailbox_id -> Uuid,
        likeness -> Bytea,
        times -> Array<Timestamptz>,
        seen_at -> Timestamptz,
    }
}

diesel::table! {
    mailbox_grants (workspace_id, mailbox_id) {
        workspace_id -> Uuid,
        mailbox_id -> Uuid,
        provider -> Text,
        refresh_token -> Bytea,
        access_token -> Nullable<Bytea>,
        number -> Int8,
        renew_at -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
        asking_token -> Nullable<Uuid>,
        asking_until -> Nullable<Timestamptz>,
        failures -> Int4,
        retry_at -> Nullable<Timestamptz>,
        fault -> Nullable<Text>,
        revoked -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    mailbox_queue (workspace_id, mailbox_id) {
        workspace_id -> Uuid,
        mailbox_id -> Uuid,
        due_at -> Timestamptz,
        lease_token -> Nullable<Uuid>,
        leased_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    mailboxes (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        address -> Text,
        display_name -> Text,
        kind -> Text,
        user_id -> Nullable<Uuid>,
        default_owner_id -> Nullable<Uuid>,
        conversation_starts_on -> Nullable<Text>,
        imap_host -> Text,
        imap_port -> Int4,
        imap_security -> Text,
        imap_username -> Text,
        imap_secret -> Nullable<Bytea>,
        smtp_host -> Text,
        smtp_port -> Int4,
        smtp_security -> Text,
        smtp_username -> Text,
        smtp_secret -> Nullable<Bytea>,
        authserv_id -> Nullable<Text>,
        sent_copy -> Text,
        backfill_days -> Int4,
        read_since -> Timestamptz,
        state -> Text,
        last_error -> Nullable<Text>,
        last_synced_at -> Nullable<Timestamptz>,
        login_refusals -> Int4,
        credentials_version -> Int8,
        active -> Bool,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    message_bodies (workspace_id, message_id) {
        workspace_id -> Uuid,
        message_id -> Uuid,
        in_reply_to -> Array<Text>,
        refs -> Array<Text>,
        notices -> Jsonb,
        text -> Text,
        html -> Nullable<Text>,
        segments -> Jsonb,
    }
}

diesel::table! {
    message_recipients (workspace_id, message_id, field, position) {
        workspace_id -> Uuid,
        message_id -> Uuid,
        field -> Text,
        position -> Int4,
        name -> Nullable<Text>,
        address -> Text,
    }
}

diesel::table! {
    message_refs (workspace_id, message_id) {
        workspace_id -> Uuid,
        message_id -> Text,
        thread_id -> Nullable<Uuid>,
        seen -> Bool,
    }
}

diesel::table! {
    messages (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        thread_id -> Uuid,
        mailbox_id -> Uuid,
        kind -> Text,
        direction -> Text,
        issued -> Bool,
        rfc_message_id -> Text,
        content_digest -> Nullable<Bytea>,
        raw_sha256 -> Nullable<Bytea>,
        subject -> Text,
        from_name -> Nullable<Text>,
        from_address -> Text,
        author_kind -> Text,
        author_user_id -> Nullable<Uuid>,
        author_contact_id -> Nullable<Uuid>,
        sent_at -> Nullable<Timestamptz>,
        received_at -> Timestamptz,
        preview -> Text,
        automatic -> Bool,
        has_attachments -> Bool,
        imported -> Bool,
        variant_of -> Nullable<Uuid>,
        threading_rule -> Text,
        threading_matched -> Nullable<Text>,
        sender_known -> Bool,
        sender_verified -> Bool,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    outbox (workspace_id, message_id) {
        workspace_id -> Uuid,
        message_id -> Uuid,
        mailbox_id -> Uuid,
        state -> Text,
        request -> Jsonb,
        cancel_until -> Nullable<Timestamptz>,
        attempts -> Int4,
        first_attempt_at -> Nullable<Timestamptz>,
        next_attempt_at -> Nullable<Timestamptz>,
        rendered_sha256 -> Nullable<Bytea>,
        attempt_token -> Nullable<Uuid>,
        data_started_at -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
        sent_copy_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        may_have_left -> Bool,
    }
}

diesel::table! {
    outbox_queue (workspace_id, message_id) {
        workspace_id -> Uuid,
        message_id -> Uuid,
        due_at -> Timestamptz,
        lease_token -> Nullable<Uuid>,
        leased_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    password_reset_requests (id) {
        id -> Uuid,
        email -> Text,
        workspace -> Nullable<Text>,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    refresh_tokens (digest) {
        digest -> Bytea,
        session_id -> Uuid,
        issued_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    search_entries (workspace_id, entity, id) {
        workspace_id -> Uuid,
        entity -> Text,
        id -> Uuid,
        words -> Text,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        user_id -> Uuid,
        refresh_in -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sign_ins (email, workspace_id) {
        email -> Text,
        workspace_id -> Uuid,
        user_id -> Uuid,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        private_key -> Bytea,
        public_key -> Bytea,
        created_at -> Timestamptz,
        retired_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    system_mail_queue (workspace_id, mail_id) {
        workspace_id -> Uuid,
        mail_id -> Uuid,
        due_at -> Timestamptz,
        lease_token -> Nullable<Uuid>,
        leased_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    system_mails (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        purpose -> Text,
        token -> Bytea,
        attempts -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    thread_parties (workspace_id, thread_id, address) {
        workspace_id -> Uuid,
        thread_id -> Uuid,
        address -> Text,
        hidden -> Bool,
    }
}

diesel::table! {
    threads (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        mailbox_id -> Uuid,
        subject_key -> Text,
        token_digest -> Nullable<Bytea>,
        first_message_at -> Timestamptz,
        last_message_at -> Timestamptz,
        related_to -> Nullable<Uuid>,
        merged_into -> Nullable<Uuid>,
        created_at -> Timestamptz,
        waiting -> Bool,
    }
}

diesel::table! {
    users (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        email -> Text,
        name -> Text,
        role -> Text,
        active -> Bool,
        password_hash -> Nullable<Text>,
        signature_html -> Text,
        signature_enabled -> Bool,
        time_zone -> Text,
        avatar_sha256 -> Nullable<Bytea>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        invited -> Bool,
    }
}

diesel::table! {
    workspace_counters (workspace_id) {
        workspace_id -> Uuid,
        event_no -> Int8,
        conversation_no -> Int8,
    }
}

diesel::table! {
    workspaces (id) {
        id -> Uuid,
        slug -> Text,
        name -> Text,
        tag -> Text,
        conversation_starts_on -> Text,
        undo_send_seconds -> Int2,
        conversations_feature -> Text,
        feature_requested_at -> Nullable<Timestamptz>,
        feature_requested_by -> Nullable<Uuid>,
        feature_request_note -> Nullable<Text>,
        version -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    account_links,
    api_key_digests,
    api_keys,
    attachments,
    audit,
    blobs,
    companies,
    contact_deals,
    contact_emails,
    contacts,
    conversations,
    custom_field_definitions,
    deals,
    delivery_recipients,
    events,
    folders,
    further_folders,
    idempotency_keys,
    ignored_addresses,
    intake,
    mail_bursts,
    mailbox_grants,
    mailbox_queue,
    mailboxes,
    message_bodies,
    message_recipients,
    message_refs,
    messages,
    outbox,
    outbox_queue,
    password_reset_requests,
    refresh_tokens,
    search_entries,
    sessions,
    sign_ins,
    signing_keys,
    system_mail_queue,
    system_mails,
    thread_parties,
    threads,
    users,
    workspace_counters,
    workspaces,
);
