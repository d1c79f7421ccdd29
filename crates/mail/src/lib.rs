//! postroom-mail
