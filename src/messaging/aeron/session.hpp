// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/aeron/aeron_client.hpp"

#include <aeronc.h>

#include <memory>
#include <string>

namespace tensorpool::messaging::aeron {

/// How a media driver's directory looks from outside.
enum class DriverState : std::uint8_t {
    NoDirectory,
    NoFile,    ///< the directory has no cnc.dat
    Starting,  ///< cnc.dat is not ready
    Unusable,  ///< cnc.dat is something else, or of another version; last_error() says what
    Silent,    ///< no heartbeat for longer than the timeout
    Alive,
};

/// AERON_DRIVER_TIMEOUT, else Aeron's 10 s.
[[nodiscard]] std::uint64_t default_driver_timeout_ms() noexcept;

/// One look; never waits.
[[nodiscard]] DriverState look_at_driver(const std::string& dir, std::uint64_t timeout_ms) noexcept;

/// Why `state` is no use to a client, and what to do about it: one line.
[[nodiscard]] std::string describe(DriverState state, const std::string& dir);

/// One connection to one media driver process: gone with it, never reconnected. Whoever drives its conductor
/// or adds and closes resources holds the core's mutex; memory that it lent stays valid until it is
/// destroyed.
class Session {
public:
    /// Throws Error(MessagingError). Waits only for a driver that look_at_driver() did not call Alive.
    Session(const std::string& dir, std::uint64_t driver_timeout_ms);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    [[nodiscard]] aeron_t* client() const noexcept { return client_; }
    /// Whether the media driver, or our own delay, ended the connection.
    [[nodiscard]] bool closed() const noexcept { return ::aeron_is_closed(client_); }
    /// What the conductor reported last.
    [[nodiscard]] const std::string& last_report() const noexcept { return last_report_; }

private:
    static void on_error(void* self, int code, const char* message);

    aeron_context_t* context_ = nullptr;
    aeron_t* client_ = nullptr;
    std::string last_report_;
};

}  // namespace tensorpool::messaging::aeron
