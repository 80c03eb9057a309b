//! What each side has to keep to because the other one said so (RFC 9113 §6.5).

use crate::connection::Role;
use crate::flow::DEFAULT_WINDOW;
use crate::frame::Setting;
use crate::hpack::DEFAULT_TABLE_SIZE;
use crate::limits::Limits;

/// What the peer has set, which this side keeps to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerSettings {
    /// How many streams may be opened from here.
    pub(crate) max_concurrent_streams: u32,
    /// The window with which a stream begins.
    pub(crate) initial_window_size: u32,
    /// The largest payload of a frame.
    pub(crate) max_frame_size: u32,
    /// The largest field list.
    pub(crate) max_header_list_size: u32,
}

impl PeerSettings {
    /// What holds as long as the peer says nothing else (RFC 9113 §6.5.2). How many streams are allowed
    /// is unlimited then; but a peer that has not spoken yet is better not sent more than the hundred
    /// that every one should allow.
    pub(crate) const UNSAID: Self = Self {
        max_concurrent_streams: 100,
        initial_window_size: DEFAULT_WINDOW,
        max_frame_size: 1 << 14,
        max_header_list_size: u32::MAX,
    };
}

/// What this side sets: its limits, where they differ from what holds unsaid.
pub(crate) fn announcement(role: Role, limits: &Limits) -> Vec<Setting> {
    let mut settings = Vec::new();
    if limits.header_table_size != DEFAULT_TABLE_SIZE {
        settings.push(Setting::HeaderTableSize(saturating(limits.header_table_size)));
    }
    match role {
        Role::Client => settings.push(Setting::EnablePush(false)),
        Role::Server => settings.push(Setting::MaxConcurrentStreams(limits.streams)),
    }
    if limits.stream_window != DEFAULT_WINDOW {
        settings.push(Setting::InitialWindowSize(limits.stream_window));
    }
    if limits.frame_size != PeerSettings::UNSAID.max_frame_size {
        settings.push(Setting::MaxFrameSize(limits.frame_size));
    }
    settings.push(Setting::MaxHeaderListSize(saturating(limits.header_list_size)));
    settings
}

fn saturating(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
