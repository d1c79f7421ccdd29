-- Contacts with their addresses, companies, deals, and the definitions of custom fields (SDB-5, SDB-6).

CREATE TABLE custom_field_definitions (
    workspace_id uuid NOT NULL,
    id           uuid NOT NULL,
    entity       text NOT NULL CHECK (entity IN ('contact', 'company', 'deal')),
    key          text NOT NULL CHECK (key ~ '^[a-z][a-z0-9_]{0,62}$'),
    label        text NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
    type         text NOT NULL CHECK (type IN ('text', 'long_text', 'number', 'date', 'boolean', 'select',
                                               'multi_select', 'url', 'email', 'phone')),
    options      jsonb NOT NULL DEFAULT '[]',
    required     boolean NOT NULL DEFAULT false,
    position     integer NOT NULL,
    -- The values of a removed definition are kept, but not shown.
    removed_at   timestamptz,
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX custom_field_keys ON custom_field_definitions (workspace_id, entity, key) WHERE removed_at IS NULL;

CREATE TABLE companies (
    workspace_id  uuid NOT NULL,
    id            uuid NOT NULL,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    domain        text,
    phone         text,
    website       text,
    industry      text,
    size          text,
    street        text,
    city          text,
    region        text,
    postal_code   text,
    country       text,
    description   text,
    -- By the definition's id: a key that is defined anew does not bring old values back.
    custom_fields jsonb NOT NULL DEFAULT '{}',
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX companies_by_name ON companies (workspace_id, name, id);

CREATE TABLE contacts (
    workspace_id  uuid NOT NULL,
    id            uuid NOT NULL,
    first_name    text,
    last_name     text,
    phone         text,
    title         text,
    street        text,
    city          text,
    region        text,
    postal_code   text,
    country       text,
    website       text,
    time_zone     text,
    description   text,
    owner_id      uuid NOT NULL,
    company_id    uuid,
    custom_fields jsonb NOT NULL DEFAULT '{}',
    avatar_sha256 bytea,
    merged_into   uuid,
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, owner_id) REFERENCES users (workspace_id, id),
    FOREIGN KEY (workspace_id, company_id) REFERENCES companies (workspace_id, id),
    FOREIGN KEY (workspace_id, avatar_sha256) REFERENCES blobs (workspace_id, sha256),
    FOREIGN KEY (workspace_id, merged_into) REFERENCES contacts (workspace_id, id)
);
CREATE INDEX contacts_owner ON contacts (workspace_id, owner_id);
CREATE INDEX contacts_company ON contacts (workspace_id, company_id) WHERE company_id IS NOT NULL;
CREATE INDEX contacts_avatar ON contacts (workspace_id, avatar_sha256) WHERE avatar_sha256 IS NOT NULL;
CREATE INDEX contacts_merged ON contacts (workspace_id, merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE contact_emails (
    workspace_id uuid NOT NULL,
    id           uuid NOT NULL,
    contact_id   uuid NOT NULL,
    address      text NOT NULL CHECK (address = lower(address) AND length(address) <= 254),
    is_primary   boolean NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, address),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
);
CREATE INDEX contact_emails_contact ON contact_emails (workspace_id, contact_id);
CREATE UNIQUE INDEX contact_emails_one_primary ON contact_emails (workspace_id, contact_id) WHERE is_primary;

CREATE TABLE deals (
    workspace_id      uuid NOT NULL,
    id                uuid NOT NULL,
    name              text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- In the currency's smallest unit.
    amount_minor      bigint,
    currency          text CHECK (currency ~ '^[A-Z]{3}$'),
    stage             text,
    status            text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'won', 'lost')),
    expected_close_on date,
    owner_id          uuid NOT NULL,
    custom_fields     jsonb NOT NULL DEFAULT '{}',
    version           bigint NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, owner_id) REFERENCES users (workspace_id, id),
    CHECK ((amount_minor IS NULL) = (currency IS NULL))
);
CREATE INDEX deals_by_name ON deals (workspace_id, name, id);
CREATE INDEX deals_owner ON deals (workspace_id, owner_id);

CREATE TABLE contact_deals (
    workspace_id uuid NOT NULL,
    contact_id   uuid NOT NULL,
    deal_id      uuid NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, contact_id, deal_id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id)
);
CREATE INDEX contact_deals_deal ON contact_deals (workspace_id, deal_id);

-- Addresses whose mail is not taken in: blocked senders, and users' private correspondents.
CREATE TABLE ignored_addresses (
    workspace_id uuid NOT NULL,
    address      text NOT NULL CHECK (address = lower(address)),
    reason       text NOT NULL CHECK (reason IN ('blocked', 'ignored')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, address)
);
