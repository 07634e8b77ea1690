// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include <tensorpool/context.hpp>
#include <tensorpool/error.hpp>

#include "messaging/aeron/aeron_client.hpp"
#include "messaging/embedded/embedded_client.hpp"
#include "telemetry/latency.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

namespace tensorpool {
namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

std::unique_ptr<messaging::Client> make_client(const ContextOptions& options) {
    if (options.messaging == MessagingKind::Aeron) {
        messaging::AeronOptions aeron;
        aeron.dir = options.aeron_dir;
        return messaging::make_aeron_client(aeron);
    }
    messaging::EmbeddedOptions embedded;
    embedded.dir = options.messaging_dir;
    embedded.group_access = options.group_access;
    return messaging::make_embedded_client(embedded);
}

std::unique_ptr<messaging::MediaDriver> make_media_driver(const ContextOptions& options) {
    if (!options.embedded_media_driver) return nullptr;
    if (options.messaging != MessagingKind::Aeron) {
        throw Error(
            ErrorCode::InvalidConfig,
            "embedded media driver: only messaging 'aeron' has one; the embedded messaging needs none");
    }
    return messaging::start_media_driver(options.aeron_dir);
}

}  // namespace

MessagingKind parse_messaging_kind(std::string_view text) {
    if (text == "embedded") return MessagingKind::Embedded;
    if (text == "aeron") return MessagingKind::Aeron;
    throw Error(ErrorCode::InvalidConfig, fmt::format("messaging '{}': must be 'embedded' or 'aeron'", text));
}

ContextOptions ContextOptions::from_environment() {
    ContextOptions options;
    if (const std::string kind = environment("TP_MESSAGING"); !kind.empty()) {
        options.messaging = parse_messaging_kind(kind);
    }
    options.messaging_dir = environment("TP_MESSAGING_DIR");
    options.aeron_dir = environment("AERON_DIR");
    options.instance = environment("TP_INSTANCE");
    if (const std::string level = environment("TP_HISTOGRAMS"); !level.empty()) {
        options.histograms = parse_latency_histograms(level);
    }
    return options;
}

Context::Context(const ContextOptions& options)
    : media_driver_(make_media_driver(options)),
      client_(make_client(options)),
      clock_(&system_clock()),
      instance_(options.instance),
      latencies_(std::make_unique<telemetry::LatencyRegistry>(options.histograms)) {
}

Context::Context(std::unique_ptr<messaging::Client> client, const Clock& clock, LatencyHistograms histograms)
    : client_(std::move(client)),
      clock_(&clock),
      latencies_(std::make_unique<telemetry::LatencyRegistry>(histograms)) {
}

Context::~Context() = default;

messaging::Client& Context::messaging() noexcept {
    return *client_;
}

telemetry::LatencyRegistry& Context::latencies() noexcept {
    return *latencies_;
}

const Clock& Context::clock() const noexcept {
    return *clock_;
}

}  // namespace tensorpool
