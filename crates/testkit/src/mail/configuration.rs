//! The configuration files of the private Dovecot and exim.

use std::path::Path;

use super::{PASSWORD, Ports, certificates::Certificates};
use crate::process::ServiceUser;

/// What both files are made from.
pub(crate) struct Site<'a> {
    /// Where mail, spool and logs are.
    pub(crate) dir: &'a Path,
    /// Where sockets are; short, since their paths may have 107 bytes at most.
    pub(crate) run: &'a Path,
    /// Whom everything runs as.
    pub(crate) user: &'a ServiceUser,
    /// Where the servers listen.
    pub(crate) ports: Ports,
    /// What they show.
    pub(crate) certificates: &'a Certificates,
    /// Where Dovecot asks about access tokens.
    pub(crate) introspection_url: &'a str,
}

/// Dovecot's settings differ between 2.3 (Debian 12, Ubuntu 24.04) and 2.4 (Debian 13, Homebrew).
pub(crate) fn dovecot(site: &Site<'_>, version: (u32, u32)) -> String {
    let Site { dir, run, user, ports, certificates, .. } = site;
    let (dir, run, name, group) = (dir.display(), run.display(), &user.name, &user.group);
    let by_version =
        if version >= (2, 4) { dovecot_24(site, version) } else { dovecot_23(certificates, user, &dir) };
    let Ports { imap, imaps, .. } = ports;
    // One sign-in process for all connections, instead of one for each.
    let endless_login =
        if version >= (2, 4) { "restart_request_count = unlimited" } else { "service_count = 0" };
    // Each service that would run in a chroot or as root is told not to: everything is one ordinary user here.
    format!(
        r#"{by_version}
base_dir = {run}
state_dir = {run}
log_path = {dir}/dovecot.log
listen = 127.0.0.1
default_internal_user = {name}
default_internal_group = {group}
default_login_user = {name}
default_client_limit = 2000
default_process_limit = 2000
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {name}
mail_gid = {group}
auth_failure_delay = 0
mail_max_userip_connections = 2000
mail_fsync = never
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \Sent
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  {endless_login}
  client_limit = 2000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 2000
}}
service lmtp {{
  process_min_avail = 2
  unix_listener lmtp {{
    mode = 0666
  }}
}}
"#
    )
}

fn dovecot_23(certificates: &Certificates, user: &ServiceUser, dir: &std::path::Display<'_>) -> String {
    let Certificates { server, key, .. } = certificates;
    let (server, key, name, group) = (server.display(), key.display(), &user.name, &user.group);
    format!(
        r"protocols = imap lmtp
disable_plaintext_auth = yes
auth_mechanisms = plain login xoauth2 oauthbearer
ssl = yes
ssl_cert = <{server}
ssl_key = <{key}
mail_location = maildir:{dir}/mail/%d/%n/Maildir
mail_home = {dir}/mail/%d/%n
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {dir}/dovecot-oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={name} gid={group} home={dir}/mail/%d/%n allow_all_users=yes
}}
"
    )
}

fn dovecot_24(site: &Site<'_>, version: (u32, u32)) -> String {
    let Site { dir, user, certificates, introspection_url, .. } = site;
    let Certificates { server, key, .. } = certificates;
    let (dir, server, key, name, group) =
        (dir.display(), server.display(), key.display(), &user.name, &user.group);
    let (major, minor) = version;
    format!(
        r"dovecot_config_version = {major}.{minor}.0
dovecot_storage_version = {major}.{minor}.0
protocols {{
  imap = yes
  lmtp = yes
}}
auth_allow_cleartext = no
auth_mechanisms = plain login xoauth2 oauthbearer
oauth2_introspection_mode = post
oauth2_introspection_url = {introspection_url}
oauth2_username_attribute = username
oauth2_active_attribute = active
oauth2_active_value = true
ssl = yes
ssl_server_cert_file = {server}
ssl_server_key_file = {key}
mail_driver = maildir
mail_path = ~/Maildir
mail_home = {dir}/mail/%{{user | domain}}/%{{user | username}}
passdb static {{
  password = {PASSWORD}
}}
userdb static {{
  fields {{
    uid = {name}
    gid = {group}
    home = {dir}/mail/%{{user | domain}}/%{{user | username}}
  }}
  userdb_static_allow_all_users = yes
}}
"
    )
}

/// How Dovecot 2.3 asks about access tokens.
pub(crate) fn dovecot_oauth2(site: &Site<'_>) -> String {
    let url = site.introspection_url;
    format!(
        "introspection_mode = post\nintrospection_url = {url}\nusername_attribute = username\n\
         active_attribute = active\nactive_value = true\n"
    )
}

/// Every recipient is local, so no mail ever leaves this machine, whatever its address. Signing in is needed
/// nowhere to deliver, and offered where Postroom expects it: over TLS, and on the plain port that proxies read.
pub(crate) fn exim(site: &Site<'_>) -> String {
    let Site { dir, run, user, ports, certificates, .. } = site;
    let Ports { smtp, smtps, smtp_plain, .. } = ports;
    let Certificates { server, key, .. } = certificates;
    let (dir, run, server, key) = (dir.display(), run.display(), server.display(), key.display());
    let (name, group) = (&user.name, &user.group);
    format!(
        r#"exim_user = {name}
exim_group = {group}
primary_hostname = localhost
spool_directory = {dir}/exim
log_file_path = {dir}/exim/%slog
pid_file_path = {dir}/exim/exim.pid
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {smtp} : {smtps} : {smtp_plain}
tls_on_connect_ports = {smtps}
tls_advertise_hosts = ${{if eq{{$received_port}}{{{smtp_plain}}}{{}}{{*}}}}
tls_certificate = {server}
tls_privatekey = {key}
auth_advertise_hosts = ${{if or{{{{eq{{$received_port}}{{{smtp_plain}}}}}{{!eq{{$tls_in_cipher}}{{}}}}}}{{*}}{{}}}}
deliver_drop_privilege = true
never_users =
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = accept
host_lookup =
rfc1413_query_timeout = 0s
queue_run_max = 4
remote_max_parallel = 8
smtp_accept_max = 1000
smtp_accept_queue = 0
smtp_accept_reserve = 0
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 200
message_size_limit = 60M
timezone = UTC
begin acl
acl_rcpt:
  deny message = unknown user
       local_parts = ^nobody-.*
  defer message = 4.2.0 try again later
       local_parts = ^busy-.*
  accept
begin routers
everyone:
  driver = accept
  transport = lmtp
begin transports
lmtp:
  driver = lmtp
  socket = {run}/lmtp
  batch_max = 20
begin retry
* * F,1m,1s; F,10m,10s
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{$auth3}}{{{PASSWORD}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if eq{{$auth2}}{{{PASSWORD}}}}}
  server_set_id = $auth1
"#
    )
}
