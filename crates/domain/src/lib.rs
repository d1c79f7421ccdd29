//! postroom-domain
