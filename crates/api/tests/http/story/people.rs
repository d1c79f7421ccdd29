//! Signing in, oneself, colleagues, and what was done.

use super::{PICTURE, Story, text};
use crate::{
    passwords::mailed_token,
    world::{PASSWORD, address},
};
use postroom_testkit::recording::Sent;
use secrecy::ExposeSecret as _;
use serde_json::json;

impl Story {
    pub(super) fn people(&mut self) {
        let (olga, anybody) = (self.olga.clone(), self.world.anonymous());
        let who = json!({"workspace": "acme", "email": "olga@acme.example", "password": PASSWORD});
        let session = self.show("login", &anybody, ("POST", "/v1/auth/login"), Some(who));
        let refresh = json!({"refresh_token": session["refresh_token"]});
        let session = self.show("refresh", &anybody, ("POST", "/v1/auth/refresh"), Some(refresh));
        let refresh = json!({"refresh_token": session["refresh_token"]});
        self.show("logout", &anybody, ("POST", "/v1/auth/logout"), Some(refresh));

        let passwords = json!({"current_password": PASSWORD, "new_password": "green barley field"});
        self.show("change_password", &olga, ("PUT", "/v1/me/password"), Some(passwords));

        self.colleagues();
        self.forgotten();
        self.show("list_audit", &olga, ("GET", "/v1/audit?limit=5"), None);
    }

    /// Who they are: they say it before anything else happens.
    pub(super) fn themselves(&mut self) {
        let (olga, tom, anybody) = (self.olga.clone(), self.tom.clone(), self.world.anonymous());
        self.does(&tom, ("PATCH", "/v1/me"), Some(json!({"name": "Tom Reed", "time_zone": "Europe/Oslo"})));
        let me = json!({"name": "Olga Owens", "signature_html": "<p>Olga Owens<br>Acme Inc.</p>",
            "time_zone": "Europe/Oslo"});
        self.show("update_me", &olga, ("PATCH", "/v1/me"), Some(me));
        let (picture, form) = (("PUT", "/v1/me/avatar"), Sent::Raw(PICTURE.0, PICTURE.1));
        self.sends(None, &tom, picture, &[], form).expect(200).unwrap();
        self.show("remove_my_avatar", &tom, ("DELETE", picture.1), None);
        let shown =
            self.sends(Some("operations/set_my_avatar"), &olga, picture, &[], form).expect(200).unwrap();
        self.show("get_avatar", &anybody, ("GET", &text(&shown, "/avatar_url")), None);
        self.show("get_me", &olga, ("GET", "/v1/me"), None);
    }

    fn colleagues(&mut self) {
        let (olga, anybody) = (self.olga.clone(), self.world.anonymous());
        let ben = json!({"email": "ben@acme.example", "name": "Ben", "role": "team_member"});
        let ben = self.show("invite_user", &olga, ("POST", "/v1/users"), Some(ben));
        let path = format!("/v1/users/{}", text(&ben, "/id"));
        self.show("resend_invitation", &olga, ("POST", &format!("{path}/invitation")), None);
        let address = address("ben@acme.example");
        let token = self
            .world
            .run(self.world.store.invitation_token("acme", &address))
            .unwrap()
            .expose_secret()
            .to_owned();
        self.recorder.secret(&token);
        let invitation = format!("/v1/auth/invitations/{token}");
        self.show("get_invitation", &anybody, ("GET", &invitation), None);
        let accepted = json!({"name": "Ben Frost", "password": "blue barley field"});
        self.show("accept_invitation", &anybody, ("POST", &format!("{invitation}/accept")), Some(accepted));
        self.show("update_user", &olga, ("PATCH", &path), Some(json!({"role": "manager"})));
        self.show("get_user", &olga, ("GET", &path), None);
        self.show("list_users", &olga, ("GET", "/v1/users"), None);
    }

    fn forgotten(&mut self) {
        let anybody = self.world.anonymous();
        self.world.execute("DELETE FROM system_mails");
        let asked = json!({"email": "tom@acme.example"});
        self.show("request_password_reset", &anybody, ("POST", "/v1/auth/password-reset"), Some(asked));
        self.world.run(self.world.store.answer_password_reset_requests()).unwrap();
        let token = mailed_token(&self.world);
        self.recorder.secret(&token);
        let link = format!("/v1/auth/password-reset/{token}");
        let new = json!({"password": "yellow barley field"});
        self.show("reset_password", &anybody, ("POST", &link), Some(new));
        self.tom = anybody.sign_in("acme", "tom@acme.example", "yellow barley field").unwrap();
    }
}
