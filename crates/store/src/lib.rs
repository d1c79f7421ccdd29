//! postroom-store
