// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/context.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace tensorpool::apps {

/// Where an endpoint listens.
struct MetricsAddress {
    std::string host;  ///< a loopback address: "127.0.0.1", "[::1]"
    std::uint16_t port = 0;
};

/// "127.0.0.1:9464", "[::1]:9464", "localhost:9464". Throws UsageError for anything else, addresses that
/// other hosts can reach included: the endpoint knows no users.
[[nodiscard]] MetricsAddress parse_metrics_address(const std::string& text);

/// Serves this process's counters and histograms to Prometheus, on threads of its own: a scrape costs the
/// roles nothing. Names follow Prometheus: `tensorpool_<metric>_total`, base units, one series per role.
class MetricsEndpoint {
public:
    /// Throws UsageError (address) or Error (port in use; a build without prometheus-cpp).
    MetricsEndpoint(Context& context, const std::string& address);
    ~MetricsEndpoint();
    MetricsEndpoint(const MetricsEndpoint&) = delete;
    MetricsEndpoint& operator=(const MetricsEndpoint&) = delete;

    [[nodiscard]] const std::string& url() const noexcept { return url_; }

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
    std::string url_;
};

}  // namespace tensorpool::apps
