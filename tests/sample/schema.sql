-- SPDX-License-Identifier: BSD-2-Clause
-- A small database that looks like Odoo 17's to a backup and to neutralization:
-- the tables and columns that matter to them, in our own words, and a few
-- things that other databases have (a partitioned table, a large object, odd
-- names, a materialized view, deferred and circular keys).
\set ON_ERROR_STOP on
SET client_min_messages = warning;

SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')
    AS with_trgm \gset
\if :with_trgm
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
\endif

-- --- the base ---------------------------------------------------------------
CREATE TABLE ir_module_module (
    id serial PRIMARY KEY, name varchar NOT NULL UNIQUE, state varchar(16),
    latest_version varchar, author varchar, shortdesc jsonb, license varchar,
    demo boolean DEFAULT false, write_date timestamp
);
CREATE TABLE ir_model (
    id serial PRIMARY KEY, model varchar NOT NULL UNIQUE, name jsonb NOT NULL,
    state varchar DEFAULT 'base'
);
CREATE TABLE ir_model_data (
    id serial PRIMARY KEY, module varchar NOT NULL, name varchar NOT NULL,
    model varchar NOT NULL, res_id integer, noupdate boolean DEFAULT false,
    write_date timestamp,
    CONSTRAINT ir_model_data_name_nospaces CHECK (name NOT LIKE '% %'),
    UNIQUE (module, name)
);
CREATE TABLE ir_config_parameter (
    id serial PRIMARY KEY, key varchar NOT NULL,
    value text NOT NULL, create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp,
    CONSTRAINT ir_config_parameter_key_uniq UNIQUE (key)
);
CREATE TABLE ir_ui_view (
    id serial PRIMARY KEY, name varchar NOT NULL, key varchar,
    type varchar, active boolean, priority integer NOT NULL DEFAULT 16,
    arch_db jsonb, inherit_id integer REFERENCES ir_ui_view ON DELETE RESTRICT
);
CREATE TABLE ir_sequence (
    id serial PRIMARY KEY, name varchar NOT NULL, code varchar, prefix varchar,
    padding integer NOT NULL, number_next integer NOT NULL,
    implementation varchar NOT NULL, active boolean
);
CREATE TABLE ir_act_server (
    id serial PRIMARY KEY, name jsonb NOT NULL, type varchar NOT NULL,
    usage varchar NOT NULL, state varchar NOT NULL,
    model_id integer REFERENCES ir_model ON DELETE CASCADE, code text,
    webhook_url varchar
);
CREATE TABLE res_company (
    id serial PRIMARY KEY, name varchar NOT NULL UNIQUE,
    partner_id integer NOT NULL, email varchar, sequence integer
);
CREATE TABLE res_partner (
    id serial PRIMARY KEY, name varchar, complete_name varchar,
    company_id integer REFERENCES res_company,
    parent_id integer REFERENCES res_partner ON DELETE SET NULL,
    user_id integer, email varchar, phone varchar, street varchar, zip varchar,
    city varchar, vat varchar, active boolean DEFAULT true,
    customer_rank integer DEFAULT 0, comment text, barcode jsonb,
    signup_token varchar, create_date timestamp, write_date timestamp,
    CONSTRAINT res_partner_check_name CHECK (name IS NOT NULL)
);
ALTER TABLE res_company ADD CONSTRAINT res_company_partner_id_fkey
    FOREIGN KEY (partner_id) REFERENCES res_partner ON DELETE RESTRICT
    DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE res_users (
    id serial PRIMARY KEY, login varchar NOT NULL UNIQUE, password varchar,
    active boolean DEFAULT true,
    company_id integer NOT NULL REFERENCES res_company,
    partner_id integer NOT NULL REFERENCES res_partner ON DELETE RESTRICT,
    signature text, notification_type varchar NOT NULL DEFAULT 'email',
    totp_secret varchar, oauth_access_token varchar, oauth_uid varchar,
    microsoft_calendar_token varchar, microsoft_calendar_rtoken varchar,
    create_date timestamp, write_date timestamp
);
ALTER TABLE res_partner ADD CONSTRAINT res_partner_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES res_users ON DELETE SET NULL;
CREATE TABLE res_users_apikeys (
    id serial PRIMARY KEY, name varchar NOT NULL,
    user_id integer NOT NULL REFERENCES res_users ON DELETE CASCADE,
    scope varchar, create_date timestamp DEFAULT (now() AT TIME ZONE 'utc'),
    index varchar(8), key varchar
);
CREATE TABLE ir_cron (
    id serial PRIMARY KEY,
    ir_actions_server_id integer NOT NULL REFERENCES ir_act_server,
    cron_name varchar, user_id integer NOT NULL REFERENCES res_users,
    active boolean, interval_number integer, interval_type varchar,
    numbercall integer, doall boolean, nextcall timestamp NOT NULL,
    lastcall timestamp, priority integer
);
CREATE TABLE ir_cron_trigger (
    id serial PRIMARY KEY, cron_id integer REFERENCES ir_cron,
    call_at timestamp
);
CREATE TABLE ir_attachment (
    id serial PRIMARY KEY, name varchar NOT NULL, description text,
    res_model varchar, res_field varchar, res_id integer,
    company_id integer REFERENCES res_company, type varchar NOT NULL,
    url varchar(1024), public boolean, access_token varchar, db_datas bytea,
    store_fname varchar, file_size integer, checksum varchar(40),
    mimetype varchar, index_content text,
    create_uid integer REFERENCES res_users ON DELETE SET NULL,
    write_uid integer REFERENCES res_users ON DELETE SET NULL,
    create_date timestamp, write_date timestamp,
    original_id integer REFERENCES ir_attachment ON DELETE SET NULL,
    website_id integer, key varchar, theme_template_id integer
);
CREATE INDEX ir_attachment_checksum_index ON ir_attachment (checksum);
CREATE INDEX ir_attachment_store_fname_index ON ir_attachment (store_fname);
CREATE INDEX ir_attachment_res_idx ON ir_attachment (res_model, res_id);

-- --- what leads outside -----------------------------------------------------
CREATE TABLE ir_mail_server (
    id serial PRIMARY KEY, name varchar NOT NULL, from_filter varchar,
    smtp_host varchar, smtp_port integer, smtp_authentication varchar NOT NULL,
    smtp_user varchar, smtp_pass varchar, smtp_encryption varchar NOT NULL,
    smtp_ssl_certificate bytea, smtp_ssl_private_key bytea, smtp_debug boolean,
    sequence integer, active boolean, google_gmail_refresh_token varchar
);
CREATE TABLE fetchmail_server (
    id serial PRIMARY KEY, name varchar NOT NULL, active boolean, state varchar,
    server varchar, port integer, server_type varchar NOT NULL, is_ssl boolean,
    attach boolean, original boolean, date timestamp, "user" varchar,
    password varchar, priority integer, script varchar
);
CREATE TABLE mail_template (
    id serial PRIMARY KEY, name jsonb, model varchar, subject jsonb,
    body_html jsonb, mail_server_id integer REFERENCES ir_mail_server
);
CREATE TABLE mail_message (
    id serial PRIMARY KEY, subject varchar, date timestamp, body text,
    model varchar, res_id integer, message_type varchar NOT NULL,
    message_id varchar, email_from varchar,
    author_id integer REFERENCES res_partner ON DELETE SET NULL,
    mail_server_id integer REFERENCES ir_mail_server
);
CREATE INDEX mail_message_model_res_id_idx ON mail_message (model, res_id);
CREATE TABLE mail_mail (
    id serial PRIMARY KEY,
    mail_message_id integer NOT NULL REFERENCES mail_message ON DELETE CASCADE,
    state varchar, email_to text, body_html text, auto_delete boolean,
    failure_reason text, scheduled_date timestamp
);
CREATE TABLE sms_sms (
    id serial PRIMARY KEY, number varchar, body text, state varchar NOT NULL,
    failure_type varchar, partner_id integer REFERENCES res_partner
);
CREATE TABLE mail_partner_device (
    id serial PRIMARY KEY, endpoint varchar NOT NULL, keys varchar NOT NULL,
    partner_id integer NOT NULL REFERENCES res_partner
);
CREATE TABLE payment_provider (
    id serial PRIMARY KEY, name jsonb NOT NULL, code varchar NOT NULL,
    state varchar NOT NULL, is_published boolean, sequence integer,
    company_id integer NOT NULL REFERENCES res_company,
    stripe_secret_key varchar, stripe_publishable_key varchar,
    stripe_webhook_secret varchar, paypal_email_account varchar,
    paypal_pdt_token varchar, ourbank_api_key varchar,
    allow_tokenization boolean
);
CREATE TABLE payment_token (
    id serial PRIMARY KEY, provider_id integer NOT NULL REFERENCES payment_provider,
    provider_ref varchar NOT NULL, payment_details varchar,
    partner_id integer NOT NULL REFERENCES res_partner, active boolean
);
CREATE TABLE delivery_carrier (
    id serial PRIMARY KEY, name jsonb NOT NULL, delivery_type varchar NOT NULL,
    prod_environment boolean, active boolean, sequence integer
);
CREATE TABLE iap_account (
    id serial PRIMARY KEY, name varchar, service_name varchar,
    account_token varchar
);
CREATE TABLE auth_oauth_provider (
    id serial PRIMARY KEY, name varchar NOT NULL, client_id varchar,
    auth_endpoint varchar NOT NULL, enabled boolean, body jsonb NOT NULL
);
CREATE TABLE website (
    id serial PRIMARY KEY, name varchar NOT NULL, domain varchar,
    cdn_activated boolean, cdn_url varchar, robots_txt text,
    company_id integer NOT NULL REFERENCES res_company
);
CREATE TABLE queue_job (
    id serial PRIMARY KEY, uuid varchar NOT NULL UNIQUE, name varchar,
    model_name varchar, method_name varchar, state varchar NOT NULL,
    channel varchar, eta timestamp, date_created timestamp,
    identity_key varchar
);

-- --- the business -----------------------------------------------------------
CREATE TABLE product_template (
    id serial PRIMARY KEY, name jsonb NOT NULL, description jsonb,
    list_price numeric, default_code varchar, active boolean DEFAULT true,
    create_date timestamp
);
CREATE TABLE sale_order (
    id serial PRIMARY KEY, name varchar NOT NULL, state varchar,
    date_order timestamp NOT NULL,
    partner_id integer NOT NULL REFERENCES res_partner ON DELETE RESTRICT,
    user_id integer REFERENCES res_users, company_id integer REFERENCES res_company,
    amount_untaxed numeric, amount_tax numeric, amount_total numeric,
    access_token varchar, note text, create_date timestamp
);
CREATE INDEX sale_order_partner_id_index ON sale_order (partner_id);
CREATE TABLE sale_order_line (
    id serial PRIMARY KEY,
    order_id integer NOT NULL REFERENCES sale_order ON DELETE CASCADE,
    product_id integer REFERENCES product_template, name text NOT NULL,
    product_uom_qty numeric NOT NULL, price_unit numeric NOT NULL,
    price_subtotal numeric GENERATED ALWAYS AS (product_uom_qty * price_unit) STORED,
    sequence integer
);
CREATE TABLE account_move (
    id serial PRIMARY KEY, name varchar, ref varchar, state varchar NOT NULL,
    move_type varchar NOT NULL, date date NOT NULL,
    partner_id integer REFERENCES res_partner, company_id integer REFERENCES res_company,
    amount_total numeric, payment_reference varchar, inalterable_hash varchar
);
CREATE UNIQUE INDEX account_move_unique_name ON account_move (name, company_id)
    WHERE state = 'posted' AND name <> '/';
CREATE TABLE account_move_line (
    id serial PRIMARY KEY,
    move_id integer NOT NULL REFERENCES account_move ON DELETE CASCADE,
    company_id integer REFERENCES res_company,
    partner_id integer REFERENCES res_partner, date date, name varchar,
    ref varchar, debit numeric, credit numeric, balance numeric,
    amount_residual numeric, reconciled boolean, matching_number varchar,
    display_type varchar NOT NULL, analytic_distribution jsonb, quantity numeric,
    tax_base_amount double precision, create_date timestamp,
    CONSTRAINT account_move_line_check_credit_debit
	CHECK (credit * debit = 0)
);
CREATE INDEX account_move_line_move_id_index ON account_move_line (move_id);
CREATE INDEX account_move_line_partner_id_ref_idx
    ON account_move_line (partner_id, ref);
CREATE INDEX account_move_line_date_name_id_idx
    ON account_move_line (date DESC, name, id);
CREATE INDEX account_move_line_analytic_index
    ON account_move_line USING gin (analytic_distribution jsonb_path_ops);
\if :with_trgm
CREATE INDEX res_partner_name_trgm ON res_partner USING gin (name gin_trgm_ops);
CREATE INDEX product_template_name_trgm ON product_template
    USING gin ((jsonb_path_query_array(name, '$.*')::text) gin_trgm_ops);
\endif

CREATE VIEW sale_report AS
    SELECT date_trunc('month', o.date_order) AS month, o.company_id, o.state,
	count(DISTINCT o.id) AS orders, sum(l.price_subtotal) AS total
    FROM sale_order o LEFT JOIN sale_order_line l ON l.order_id = o.id
    GROUP BY 1, 2, 3;
CREATE VIEW account_invoice_report AS
    SELECT m.partner_id, m.move_type, sum(m.amount_total) AS total
    FROM account_move m WHERE m.state = 'posted' GROUP BY 1, 2;

-- --- what other databases have ----------------------------------------------
CREATE TABLE device_log (
    id bigint GENERATED BY DEFAULT AS IDENTITY, at timestamptz NOT NULL,
    device varchar NOT NULL, reading double precision, raw bytea,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE device_log_2026_09 PARTITION OF device_log
    FOR VALUES FROM ('2026-09-01') TO ('2026-10-01');
CREATE TABLE device_log_2026_10 PARTITION OF device_log
    FOR VALUES FROM ('2026-10-01') TO ('2026-11-01');
CREATE TABLE device_log_rest PARTITION OF device_log DEFAULT;
CREATE INDEX device_log_device_idx ON device_log (device, at);

CREATE SCHEMA "Extra schema";
CREATE TYPE "Extra schema".mood AS ENUM ('sad', 'ok', 'very "happy"');
CREATE DOMAIN "Extra schema".percentage AS numeric
    CHECK (VALUE >= 0 AND VALUE <= 100);
CREATE TABLE "Extra schema"."Tableau ""été"" \ %" (
    "N°" integer PRIMARY KEY, "select" text DEFAULT 'it''s',
    mood "Extra schema".mood, share "Extra schema".percentage,
    tags text[], span int4range, "x.y" xml
);
CREATE TABLE "Extra schema".scans (
    id serial PRIMARY KEY, name text NOT NULL, content oid NOT NULL
);
CREATE TABLE "Extra schema".nothing ();
CREATE MATERIALIZED VIEW "Extra schema".partner_totals AS
    SELECT partner_id, sum(amount_total) AS total
    FROM account_move GROUP BY partner_id WITH NO DATA;
COMMENT ON TABLE "Extra schema".scans IS E'Pages, as large objects\nand a second line';
