// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/clock.hpp>
#include <tensorpool/telemetry.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tensorpool {

namespace messaging {
class Client;
class MediaDriver;
}  // namespace messaging
namespace telemetry {
class LatencyRegistry;
}

enum class MessagingKind : std::uint8_t {
    Embedded,  ///< built in: nothing to install, one host
    Aeron,     ///< needs an Aeron media driver
};

/// "embedded" or "aeron"; throws Error(InvalidConfig) for anything else.
[[nodiscard]] MessagingKind parse_messaging_kind(std::string_view text);

struct ContextOptions {
    MessagingKind messaging = MessagingKind::Embedded;
    /// Embedded only: where the logs live. Empty: TP_MESSAGING_DIR, else a per-user directory on /dev/shm.
    std::string messaging_dir{};
    /// Embedded only: share the directory with the user's group (2770/0660) instead of 0700/0600.
    bool group_access = false;
    /// Aeron only: the media driver's directory. Empty: AERON_DIR, else Aeron's default.
    std::string aeron_dir{};
    /// Aeron only: run the media driver in this process, in `aeron_dir`, instead of using an aeronmd.
    bool embedded_media_driver = false;
    /// Names this process in its counters ("instance=..."); empty: unknown.
    std::string instance{};
    /// Durations the roles of this context measure.
    LatencyHistograms histograms = LatencyHistograms::Off;

    /// The defaults overridden by TP_MESSAGING, TP_MESSAGING_DIR, AERON_DIR, TP_INSTANCE and TP_HISTOGRAMS
    /// where those are set.
    [[nodiscard]] static ContextOptions from_environment();
};

/// What the roles of one process share: a messaging client and a clock. Must outlive every role made from it.
/// Thread-safe.
class Context {
public:
    /// Throws Error when the messaging backend cannot be reached.
    explicit Context(const ContextOptions& options = ContextOptions::from_environment());
    /// For hosts and tests that bring their own messaging; `clock` must outlive the context.
    Context(std::unique_ptr<messaging::Client> client, const Clock& clock,
            LatencyHistograms histograms = LatencyHistograms::Off);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    [[nodiscard]] messaging::Client& messaging() noexcept;
    [[nodiscard]] const Clock& clock() const noexcept;
    [[nodiscard]] telemetry::LatencyRegistry& latencies() noexcept;
    [[nodiscard]] const std::string& instance() const noexcept { return instance_; }

private:
    std::unique_ptr<messaging::MediaDriver> media_driver_;  ///< outlives its client
    std::unique_ptr<messaging::Client> client_;
    const Clock* clock_;
    std::string instance_;
    std::unique_ptr<telemetry::LatencyRegistry> latencies_;
};

/// Where one stream of messages lives. Everybody on one stream uses one identical channel (CFG-013).
struct Endpoint {
    std::string channel = "aeron:ipc?term-length=4m";
    std::int32_t stream_id = 0;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// The endpoints of a deployment, with the conventional numbers (streams.md).
struct StreamEndpoints {
    Endpoint control{"aeron:ipc?term-length=4m", 1000};
    Endpoint announce{"aeron:ipc?term-length=4m", 1000};  ///< the driver announces on control by default
    Endpoint descriptor{"aeron:ipc?term-length=4m", 1100};
    Endpoint qos{"aeron:ipc?term-length=4m", 1200};
    Endpoint metadata{"aeron:ipc?term-length=4m", 1300};
};

}  // namespace tensorpool
