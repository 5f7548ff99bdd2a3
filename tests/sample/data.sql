-- SPDX-License-Identifier: BSD-2-Clause
-- Rows for schema.sql, the same ones each time: nothing here is random. All
-- names, keys, tokens and passwords are invented; hosts are under example.com.
-- :rows journal items, everything else in proportion.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET synchronous_commit = off;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;

INSERT INTO ir_module_module (name, state, latest_version, author, shortdesc, license)
SELECT name, state, '17.0.' || version, 'Sample', jsonb_build_object('en_US', name), 'LGPL-3'
FROM (VALUES ('base', 'installed', '1.3'), ('web', 'installed', '1.0'),
    ('mail', 'installed', '1.15'), ('sale', 'installed', '1.2'),
    ('account', 'installed', '1.2'), ('payment', 'installed', '2.0'),
    ('payment_stripe', 'installed', '2.0'), ('payment_paypal', 'installed', '2.0'),
    ('delivery', 'installed', '1.0'), ('iap', 'installed', '1.1'),
    ('website', 'installed', '1.0'), ('sms', 'installed', '3.0'),
    ('auth_oauth', 'installed', '1.0'), ('queue_job', 'installed', '2.6'),
    ('ourbank_connector', 'installed', '1.0'), ('hr', 'uninstalled', '1.1'))
    AS m (name, state, version);
INSERT INTO ir_model (model, name)
SELECT replace(relname, '_', '.'), jsonb_build_object('en_US', relname, 'fr_FR', relname || ' (fr)')
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
ORDER BY relname;

INSERT INTO res_partner (id, name, complete_name, email, phone, city, customer_rank, comment, create_date)
SELECT i, 'Partner ' || i || ' ' || substr(md5('n' || i), 1, 6),
    'Partner ' || i, 'partner' || i || '@example.com',
    '+32 2 555 ' || lpad((i % 10000)::text, 4, '0'),
    (ARRAY['Bruxelles', 'Liège', 'Łódź', '東京', 'Zürich', E'O\'Fallon'])[1 + i % 6],
    i % 3, CASE WHEN i % 10 = 0 THEN E'a tab\there, a backslash \\ and\na line' END,
    timestamp '2026-01-01' + i * interval '1 hour'
FROM generate_series(1, 40 + :rows / 100) i;
INSERT INTO res_company (id, name, partner_id, email, sequence)
VALUES (1, 'Acme Sample', 1, 'info@example.com', 10);
INSERT INTO res_users (id, login, password, company_id, partner_id, signature,
    totp_secret, oauth_access_token, microsoft_calendar_rtoken, create_date)
SELECT i, (ARRAY['__system__', 'admin', 'demo', 'sales', 'books'])[i],
    '$pbkdf2-sha512$600000$' || md5('salt' || i) || '$' || md5('hash' || i),
    1, i, '<p>-- <br/>user ' || i || '</p>',
    CASE WHEN i = 2 THEN 'JBSWY3DPEHPK3PXP' END,
    CASE WHEN i = 4 THEN 'oauth-token-' || md5('o') END,
    CASE WHEN i = 5 THEN 'ms-refresh-' || md5('m') END,
    timestamp '2026-01-01'
FROM generate_series(1, 5) i;
UPDATE res_partner SET user_id = 4 WHERE id % 7 = 0;
INSERT INTO res_users_apikeys (name, user_id, scope, index, key)
VALUES ('mobile', 2, NULL, 'abcd1234', 'pbkdf2$' || md5('k'));

INSERT INTO ir_config_parameter (key, value, create_date) VALUES
    ('database.uuid', '4d3f9a52-c8e1-11f0-9d51-0242ac120002', '2026-01-01'),
    ('database.secret', 'e2a6b0b4-1c1d-4f0c-8f5e-7d1f9b6f1a11', '2026-01-01'),
    ('database.create_date', '2026-01-01 08:00:00', '2026-01-01'),
    ('web.base.url', 'https://erp.acme.example.com', '2026-01-01'),
    ('mail.catchall.domain', 'acme.example.com', '2026-01-01'),
    ('mail.web_push_vapid_private_key', 'vapid-private', '2026-01-01'),
    ('mail.web_push_vapid_public_key', 'vapid-public', '2026-01-01'),
    ('base.login_cooldown_after', '10', '2026-01-01');
INSERT INTO ir_ui_view (name, key, type, active, arch_db) VALUES
    ('layout', 'web.layout', 'qweb', true, '{"en_US": "<t t-name=\"web.layout\"/>"}'),
    ('neutralize_banner', 'web.neutralize_banner', 'qweb', false, '{"en_US": "<div/>"}'),
    ('neutralize_ribbon', 'website.neutralize_ribbon', 'qweb', false, '{"en_US": "<div/>"}');

INSERT INTO ir_act_server (id, name, type, usage, state, code, webhook_url)
SELECT i, jsonb_build_object('en_US', 'Action ' || i, 'nl_NL', 'Actie ' || i),
    'ir.actions.server', 'ir_cron', CASE WHEN i = 9 THEN 'webhook' ELSE 'code' END,
    'model._run_' || i || '()',
    CASE WHEN i = 9 THEN 'https://hooks.example.com/' || md5('hook') END
FROM generate_series(1, 10) i;
INSERT INTO ir_cron (id, ir_actions_server_id, cron_name, user_id, active,
    interval_number, interval_type, numbercall, doall, nextcall, priority)
SELECT i, i, (ARRAY['Base: Auto-vacuum internal data', 'Mail: Email Queue Manager',
    'Mail: Fetchmail Service', 'SMS: SMS Queue Manager', 'Publisher: Update Notification',
    'Sale: Send pending emails', 'Account: Post draft entries', 'Own: Call our bank'])[i],
    1, i <> 7, 1, (ARRAY['days', 'hours'])[1 + i % 2], -1, false,
    timestamp '2026-11-22 03:00:00' + i * interval '7 minutes', 5
FROM generate_series(1, 8) i;
INSERT INTO ir_cron_trigger (cron_id, call_at)
SELECT 2, timestamp '2026-11-22' + i * interval '1 minute' FROM generate_series(1, 5) i;
INSERT INTO ir_model_data (module, name, model, res_id, noupdate) VALUES
    ('base', 'autovacuum_job', 'ir.cron', 1, true),
    ('mail', 'ir_cron_mail_scheduler_action', 'ir.cron', 2, true),
    ('mail', 'ir_cron_mail_gateway_action', 'ir.cron', 3, true),
    ('base', 'main_company', 'res.company', 1, true),
    ('base', 'main_partner', 'res.partner', 1, true),
    ('base', 'user_root', 'res.users', 1, true),
    ('base', 'user_admin', 'res.users', 2, true);

INSERT INTO ir_mail_server (name, smtp_host, smtp_port, smtp_authentication,
    smtp_user, smtp_pass, smtp_encryption, sequence, active, from_filter) VALUES
    ('Acme relay', 'smtp.acme.example.com', 587, 'login', 'odoo', 'relay-password', 'starttls', 10, true, NULL),
    ('Newsletter', 'bulk.example.com', 465, 'login', 'news', 'bulk-password', 'ssl', 20, true, 'news@acme.example.com'),
    ('Old relay', 'old.example.com', 25, 'login', NULL, NULL, 'none', 30, false, NULL);
INSERT INTO fetchmail_server (name, active, state, server, port, server_type, is_ssl, "user", password) VALUES
    ('Sales box', true, 'done', 'imap.acme.example.com', 993, 'imap', true, 'sales', 'imap-password'),
    ('Support box', true, 'done', 'pop.acme.example.com', 995, 'pop', true, 'support', 'pop-password');
INSERT INTO mail_template (name, model, subject, body_html, mail_server_id)
SELECT jsonb_build_object('en_US', 'Template ' || i), 'sale.order',
    jsonb_build_object('en_US', 'Your order', 'fr_FR', 'Votre commande'),
    jsonb_build_object('en_US', '<p>Hello</p>', 'fr_FR', '<p>Bonjour</p>'),
    CASE WHEN i % 2 = 0 THEN 2 END
FROM generate_series(1, 6) i;
INSERT INTO mail_message (id, subject, date, body, model, res_id, message_type, message_id, author_id, mail_server_id)
SELECT i, CASE WHEN i % 3 = 0 THEN 'Re: order ' || i END,
    timestamp '2026-02-01' + i * interval '11 minutes',
    '<p>' || repeat(md5('b' || i) || ' ', 1 + i % 12) || '</p>',
    'sale.order', 1 + i % 100, 'comment', '<' || i || '.' || md5('id' || i) || '@acme.example.com>',
    1 + i % 40, CASE WHEN i % 50 = 0 THEN 2 END
FROM generate_series(1, 20 + :rows / 20) i;
INSERT INTO mail_mail (mail_message_id, state, email_to, body_html)
SELECT i, CASE WHEN i <= 12 THEN 'outgoing' ELSE 'sent' END,
    'partner' || i || '@example.com', '<p>mail</p>'
FROM generate_series(1, 20) i;
INSERT INTO sms_sms (number, body, state, partner_id)
SELECT '+3225550000', 'Your parcel', CASE WHEN i < 4 THEN 'outgoing' ELSE 'sent' END, i
FROM generate_series(1, 6) i;
INSERT INTO mail_partner_device (endpoint, keys, partner_id)
VALUES ('https://push.example.com/' || md5('p'), '{"auth": "a"}', 2);
INSERT INTO payment_provider (name, code, state, is_published, company_id,
    stripe_secret_key, stripe_publishable_key, stripe_webhook_secret,
    paypal_email_account, paypal_pdt_token, ourbank_api_key) VALUES
    ('{"en_US": "Stripe"}', 'stripe', 'enabled', true, 1, 'sk_live_' || md5('s'), 'pk_live_' || md5('p'), 'whsec_' || md5('w'), NULL, NULL, NULL),
    ('{"en_US": "PayPal"}', 'paypal', 'enabled', true, 1, NULL, NULL, NULL, 'pay@acme.example.com', md5('pdt'), NULL),
    ('{"en_US": "Our bank"}', 'ourbank', 'test', false, 1, NULL, NULL, NULL, NULL, NULL, 'bank-' || md5('b')),
    ('{"en_US": "Wire"}', 'custom', 'disabled', false, 1, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO payment_token (provider_id, provider_ref, payment_details, partner_id, active)
VALUES (1, 'cus_' || md5('c'), '4242', 7, true);
INSERT INTO delivery_carrier (name, delivery_type, prod_environment, active) VALUES
    ('{"en_US": "Standard"}', 'fixed', false, true),
    ('{"en_US": "By weight"}', 'base_on_rule', false, true),
    ('{"en_US": "Parcel service"}', 'parcel', true, true);
INSERT INTO iap_account (name, service_name, account_token) VALUES
    ('sms', 'sms', md5('iap')), ('snailmail', 'snailmail', md5('iap2'));
INSERT INTO auth_oauth_provider (name, client_id, auth_endpoint, enabled, body) VALUES
    ('Acme SSO', 'client-1', 'https://sso.example.com/auth', true, '{"en_US": "Log in with Acme"}');
INSERT INTO website (name, domain, cdn_activated, cdn_url, company_id)
VALUES ('Acme', 'https://www.acme.example.com', true, 'https://cdn.example.com', 1);
INSERT INTO queue_job (uuid, name, model_name, method_name, state, channel, date_created)
SELECT md5('job' || i), 'Export ' || i, 'sale.order', 'export_to_bank',
    (ARRAY['pending', 'enqueued', 'started', 'done', 'failed'])[1 + i % 5], 'root',
    timestamp '2026-11-01' + i * interval '1 hour'
FROM generate_series(1, 20) i;

INSERT INTO product_template (id, name, description, list_price, default_code, create_date)
SELECT i, jsonb_build_object('en_US', 'Product ' || i, 'fr_FR', 'Produit n° ' || i, 'ja_JP', '製品 ' || i),
    CASE WHEN i % 4 = 0 THEN jsonb_build_object('en_US', md5('d' || i)) END,
    round(((i * 37) % 1000)::numeric + 0.99, 2), 'P' || lpad(i::text, 5, '0'), timestamp '2026-01-05'
FROM generate_series(1, 20 + :rows / 250) i;
INSERT INTO sale_order (id, name, state, date_order, partner_id, user_id, company_id,
    amount_untaxed, amount_tax, amount_total, access_token, create_date)
SELECT i, 'S' || lpad(i::text, 5, '0'), (ARRAY['draft', 'sent', 'sale', 'cancel'])[1 + i % 4],
    timestamp '2026-01-10' + i * interval '3 hours', 1 + i % 40, 4, 1,
    i % 977, round((i % 977) * 0.21, 2), round((i % 977) * 1.21, 2),
    md5('so' || i), timestamp '2026-01-10'
FROM generate_series(1, 100 + :rows / 50) i;
INSERT INTO sale_order_line (order_id, product_id, name, product_uom_qty, price_unit, sequence)
SELECT 1 + i % (100 + :rows / 50), 1 + i % 20, 'Line ' || i || E'\nsecond line', 1 + i % 5,
    round(((i * 13) % 500)::numeric / 3, 2), 10
FROM generate_series(1, 200 + :rows / 20) i;
INSERT INTO account_move (id, name, ref, state, move_type, date, partner_id, company_id, amount_total, inalterable_hash)
SELECT i, CASE WHEN i % 25 = 0 THEN '/' ELSE 'INV/2026/' || lpad(i::text, 6, '0') END,
    CASE WHEN i % 3 = 0 THEN 'S' || lpad(i::text, 5, '0') END,
    CASE WHEN i % 25 = 0 THEN 'draft' ELSE 'posted' END,
    (ARRAY['out_invoice', 'in_invoice', 'entry'])[1 + i % 3],
    date '2026-01-01' + i % 320, 1 + i % 40, 1, (i * 31) % 5000, md5('h' || i)
FROM generate_series(1, 10 + :rows / 5) i;
INSERT INTO account_move_line (id, move_id, company_id, partner_id, date, name, ref,
    debit, credit, balance, amount_residual, reconciled, display_type,
    analytic_distribution, quantity, tax_base_amount, create_date)
SELECT i, 1 + i / 5, 1, 1 + i % 40, date '2026-01-01' + (i / 5) % 320,
    'item ' || md5('l' || i), CASE WHEN i % 4 = 0 THEN 'R' || md5('r' || i / 4) END,
    CASE WHEN i % 2 = 0 THEN ((i * 7919) % 100000)::numeric / 100 ELSE 0 END,
    CASE WHEN i % 2 = 1 THEN ((i * 7919) % 100000)::numeric / 100 ELSE 0 END,
    ((i * 7919) % 100000)::numeric / 100 * (1 - 2 * (i % 2)), 0, i % 3 = 0,
    (ARRAY['product', 'tax', 'payment_term'])[1 + i % 3],
    CASE WHEN i % 6 = 0 THEN jsonb_build_object((1 + i % 9)::text, 100) END,
    1 + i % 4, sqrt(i), timestamp '2026-01-01' + i * interval '6 minutes'
FROM generate_series(1, :rows) i;

INSERT INTO ir_sequence (name, code, prefix, padding, number_next, implementation, active) VALUES
    ('Sale order', 'sale.order', 'S', 5, 1, 'standard', true),
    ('Invoice', 'account.move', 'INV/%(year)s/', 6, 1, 'standard', true),
    ('Gapless', 'account.gapless', 'G', 4, 12, 'no_gap', true);
CREATE SEQUENCE ir_sequence_001 START 1;
CREATE SEQUENCE ir_sequence_002 START 1000 INCREMENT 5 MAXVALUE 900000 CYCLE;
SELECT setval('ir_sequence_001', 100 + :rows / 50), nextval('ir_sequence_002') \g /dev/null

INSERT INTO device_log (at, device, reading, raw)
SELECT timestamptz '2026-08-25 00:00:00+00' + i * interval '90 minutes', 'device-' || i % 7,
    CASE i % 11 WHEN 0 THEN 'NaN'::float8 WHEN 1 THEN 'Infinity'::float8 ELSE sin(i) END,
    decode(md5('raw' || i), 'hex')
FROM generate_series(1, 1000 + :rows / 50) i;
INSERT INTO "Extra schema"."Tableau ""été"" \ %" VALUES
    (1, E'quote '' backslash \\ tab \t', 'very "happy"', 12.5, '{a,"b c",NULL}', '[1,5)', '<a>1</a>'),
    (2, NULL, NULL, NULL, NULL, 'empty', NULL),
    (3, '\N', 'sad', 100, '{}', '(,)', '<b/>');
INSERT INTO "Extra schema".scans (name, content)
SELECT 'scan ' || i, lo_from_bytea(0, decode(string_agg(md5(i || ':' || k), ''), 'hex'))
FROM generate_series(1, 3) i, generate_series(1, 4000) k GROUP BY i ORDER BY i;
COMMIT;

-- serial columns go on after the rows that brought their own ids
SELECT format('SELECT setval(%L, (SELECT coalesce(max(id), 0) + 1 FROM %I), false)',
    pg_get_serial_sequence(quote_ident(relname), 'id'), relname)
FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND pg_get_serial_sequence(quote_ident(relname), 'id') IS NOT NULL
    AND NOT relispartition \gexec
REFRESH MATERIALIZED VIEW "Extra schema".partner_totals;
SET client_min_messages = error; -- of catalogs that a plain owner may not
ANALYZE;
