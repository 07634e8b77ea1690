// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/discovery_options.hpp"

#include "common/messaging_options.hpp"

#include <limits>

namespace tensorpool::apps {

void DiscoveryOptions::add_to(const cli::Command& command) {
    add_endpoint(command, "request", client.request, "TP_DISCOVERY_REQUEST_CHANNEL",
                 "TP_DISCOVERY_REQUEST_STREAM_ID");
    command
        .add_option("--response-channel", client.response.channel,
                    "where answers come; a list of many streams needs a long term-length")
        .capture_default_str()
        .envname("TP_DISCOVERY_RESPONSE_CHANNEL")
        .group("Messaging");
    command.add_option("--response-stream-id", client.response.stream_id, "0: one of its own")
        .capture_default_str()
        .envname("TP_DISCOVERY_RESPONSE_STREAM_ID")
        .check(cli::range(0, std::numeric_limits<std::int32_t>::max()))
        .group("Messaging");
    command.add_option("--timeout-ms", timeout_ms).capture_default_str();
}

void DiscoveryOptions::add_request_to(const cli::Command& command) {
    add_endpoint(command, "discovery", client.request, "TP_DISCOVERY_REQUEST_CHANNEL",
                 "TP_DISCOVERY_REQUEST_STREAM_ID");
}

}  // namespace tensorpool::apps
