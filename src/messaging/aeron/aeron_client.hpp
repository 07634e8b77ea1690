// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/messaging.hpp"

#include <memory>
#include <string>

namespace tensorpool::messaging {

struct AeronOptions {
    /// The media driver's directory. Empty: default_aeron_dir().
    std::string dir;
    /// Stamps Image::joined_ns. nullptr: system_clock(). Must outlive the client.
    const Clock* clock = nullptr;
    /// Silence after which the media driver counts as gone. 0: AERON_DRIVER_TIMEOUT, else Aeron's 10 s.
    Nanos driver_timeout_ns = 0;
    /// How long make_aeron_client() waits for a media driver that is just starting.
    Nanos connect_timeout_ns = 2 * kNanosPerSecond;
};

/// Whether this build has Aeron. Without it make_aeron_client() throws Unsupported.
[[nodiscard]] bool has_aeron() noexcept;

/// AERON_DIR if set, else Aeron's default for this user, usually /dev/shm/aeron-<user>.
[[nodiscard]] std::string default_aeron_dir();

/// Messaging through an Aeron media driver, over shared memory and UDP.
///
/// No thread is started: Client::do_work(), and polls that find nothing, drive Aeron's client conductor. When
/// the media driver goes away, publications report NotConnected and subscriptions lose their images; once one
/// is back in the same directory all of them are registered again behind the same objects.
///
/// Throws Error: Unsupported in a build without Aeron, MessagingError when no media driver answers in `dir`.
[[nodiscard]] std::unique_ptr<Client> make_aeron_client(const AeronOptions& options = {});

/// A media driver inside of this process, with one thread of its own (AERON_THREADING_MODE: more). For
/// machines and tests that want no separate aeronmd; other processes can use it too while it lives.
class MediaDriver {
public:
    virtual ~MediaDriver() = default;
    MediaDriver() = default;
    MediaDriver(const MediaDriver&) = delete;
    MediaDriver& operator=(const MediaDriver&) = delete;

    [[nodiscard]] virtual const std::string& dir() const noexcept = 0;
};

/// Whether this build can run a media driver itself.
[[nodiscard]] bool has_media_driver() noexcept;

/// Starts one in `dir` (empty: default_aeron_dir()), which it creates and, at the end, removes. What a dead
/// driver left there is removed first.
///
/// Throws Error: Unsupported in a build without it; MessagingError when another media driver is alive there.
[[nodiscard]] std::unique_ptr<MediaDriver> start_media_driver(const std::string& dir);

}  // namespace tensorpool::messaging
