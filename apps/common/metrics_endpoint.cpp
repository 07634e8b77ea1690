// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/metrics_endpoint.hpp"

#include "common/program.hpp"
#include "messaging/messaging.hpp"
#include "telemetry/latency.hpp"
#include "telemetry/reading.hpp"

#include <tensorpool/error.hpp>

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#ifdef TP_HAVE_PROMETHEUS
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>

#include <csignal>
#include <map>
#include <mutex>
#endif

namespace tensorpool::apps {

MetricsAddress parse_metrics_address(const std::string& text) {
    const auto refuse = [&text](const char* why) -> UsageError {
        return UsageError(
            fmt::format("--metrics {}: {}; give a loopback address and a port, for example "
                        "127.0.0.1:9464",
                        text, why));
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) throw refuse("has no port");
    MetricsAddress address{text.substr(0, colon), 0};
    const char* const begin = text.data() + colon + 1;
    const char* const end = text.data() + text.size();
    const auto [parsed, error] = std::from_chars(begin, end, address.port);
    if (begin == end || error != std::errc{} || parsed != end) throw refuse("the port is not 0 to 65535");
    if (address.host == "localhost") address.host = "127.0.0.1";
    in_addr four{};
    if (address.host == "[::1]") return address;
    if (::inet_pton(AF_INET, address.host.c_str(), &four) != 1) throw refuse("is not an address");
    if (ntohl(four.s_addr) >> 24 != 127)
        throw refuse("other hosts could reach it, and it asks nobody who they are");
    return address;
}

#ifdef TP_HAVE_PROMETHEUS

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr Nanos kWindow = 60 * kNanosPerSecond;

/// "RateLimiter" as "rate_limiter".
std::string snake_case(std::string_view words) {
    std::string result;
    for (const char c : words) {
        const bool capital = c >= 'A' && c <= 'Z';
        if (capital && !result.empty()) result += '_';
        result += capital ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return result;
}

/// "tensorpool_producer_frames_published"; the role once.
std::string base_name(std::string_view role, std::string_view metric) {
    const std::string prefix = snake_case(role) + "_";
    return "tensorpool_" + (metric.substr(0, prefix.size()) == prefix ? "" : prefix) + std::string(metric);
}

std::vector<ClientMetric::Label> labels_of(std::string_view role, const telemetry::Owner& owner) {
    const std::string prefix = snake_case(role);
    std::vector<ClientMetric::Label> labels{{prefix + "_id", std::to_string(owner.id)}};
    if (const auto stream_id = telemetry::stream_of(owner))
        labels.push_back({"stream_id", std::to_string(*stream_id)});
    if (const auto source = telemetry::source_stream_of(owner))
        labels.push_back({"source_stream_id", std::to_string(*source)});
    // Prometheus itself has a label "instance".
    const std::string instance = telemetry::instance_of(owner);
    if (!instance.empty() && instance != "unknown") labels.push_back({prefix + "_instance", instance});
    return labels;
}

/// All series of one name must stand together.
class Families {
public:
    void add(const std::string& name, std::string_view help, MetricType type, ClientMetric metric) {
        MetricFamily& family = families_[name];
        family.name = name;
        family.help = help;
        family.type = type;
        // Roles that nothing tells apart count together: Prometheus refuses a scrape with a series twice.
        for (ClientMetric& known : family.metric) {
            if (known.label != metric.label) continue;
            if (type == MetricType::Counter) known.counter.value += metric.counter.value;
            return;
        }
        family.metric.push_back(std::move(metric));
    }
    [[nodiscard]] std::vector<MetricFamily> take() {
        std::vector<MetricFamily> all;
        for (auto& [name, family] : families_) all.push_back(std::move(family));
        return all;
    }

private:
    std::map<std::string, MetricFamily> families_;
};

class OwnMetrics final : public prometheus::Collectable {
public:
    explicit OwnMetrics(Context& context) : context_(context) {}

    /// Called on the endpoint's threads; what it throws must not reach them.
    std::vector<MetricFamily> Collect() const override {
        Families families;
        try {
            collect_counters(families);
            collect_histograms(families);
        } catch (const std::exception&) {  // a scrape with less in it
        }
        return families.take();
    }

private:
    void collect_counters(Families& families) const {
        context_.messaging().for_each_counter([&](const messaging::CounterInfo& info) {
            if (!info.own) return;
            const auto reading = reader_.read(info);
            if (!reading || reading->metric.number >= telemetry::kFirstLatencyNumber) return;
            ClientMetric metric;
            metric.label = labels_of(reading->role, reading->owner);
            const std::string name = base_name(reading->role, reading->metric.name);
            const auto value = static_cast<double>(reading->value);
            if (reading->metric.kind == telemetry::Kind::Total) {
                metric.counter.value = value;
                families.add(name + "_total", reading->metric.help, MetricType::Counter, std::move(metric));
            } else {
                metric.gauge.value = value;
                families.add(name, reading->metric.help, MetricType::Gauge, std::move(metric));
            }
        });
    }

    /// Count and sum are totals; quantiles and the maximum are those of the last one to two minutes.
    void collect_histograms(Families& families) const {
        const std::lock_guard guard(mutex_);
        const Nanos now_ns = monotonic_now_ns();
        const auto living = context_.latencies().all();
        std::erase_if(windows_, [&](const auto& window) {
            return std::none_of(living.begin(), living.end(),
                                [&](const auto& r) { return r.get() == window.first; });
        });
        for (const auto& recorder : living) {
            std::unique_ptr<Window>& window = windows_[recorder.get()];
            if (window == nullptr) window = std::make_unique<Window>();
            window->total = recorder->snapshot();
            if (window->began_ns == 0 || now_ns - window->began_ns >= kWindow) {
                window->began_ns = now_ns;
                window->older = window->newer;
                window->newer = window->total;
            }
            window->recent = window->total.since(window->older);
            add_summary(families, *recorder, window->total, window->recent);
        }
    }

    /// On the heap: the endpoint's threads have stacks of 100 KiB, and a histogram takes 15.
    struct Window {
        Nanos began_ns = 0;
        base::Histogram older;
        base::Histogram newer;
        base::Histogram total;
        base::Histogram recent;
    };

    static void add_summary(Families& families, const telemetry::LatencyRecorder& recorder,
                            const base::Histogram& total, const base::Histogram& recent) {
        const telemetry::LatencyMetric& what = telemetry::metric_of(recorder.latency());
        const auto seconds = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e9; };
        std::string name = base_name(what.role, what.name.substr(0, what.name.size() - 3));  // without _ns
        ClientMetric summary;
        summary.label = labels_of(what.role, recorder.owner());
        ClientMetric max;
        max.label = summary.label;
        max.gauge.value = seconds(recent.max());
        summary.summary.sample_count = total.count();
        summary.summary.sample_sum = seconds(total.sum());
        for (const double quantile : {0.5, 0.9, 0.99, 0.999})
            summary.summary.quantile.push_back({quantile, seconds(recent.quantile(quantile))});
        families.add(name + "_seconds", what.help, MetricType::Summary, std::move(summary));
        families.add(name + "_max_seconds", fmt::format("largest recent value: {}", what.help),
                     MetricType::Gauge, std::move(max));
    }

    Context& context_;
    telemetry::CounterReader reader_;
    mutable std::mutex mutex_;
    mutable std::map<const telemetry::LatencyRecorder*, std::unique_ptr<Window>> windows_;
};

/// Threads made meanwhile leave signals to the program's own thread.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

}  // namespace

class MetricsEndpoint::Impl {
public:
    Impl(Context& context, const std::string& listen_on)
        : metrics_(std::make_shared<OwnMetrics>(context)), exposer_(listen_on, 1) {
        exposer_.RegisterCollectable(metrics_);
    }
    [[nodiscard]] int port() const { return exposer_.GetListeningPorts().at(0); }

private:
    std::shared_ptr<OwnMetrics> metrics_;
    prometheus::Exposer exposer_;
};

MetricsEndpoint::MetricsEndpoint(Context& context, const std::string& address) {
    const MetricsAddress at = parse_metrics_address(address);
    try {
        const SignalsBlocked blocked;
        impl_ = std::make_unique<Impl>(context, fmt::format("{}:{}", at.host, at.port));
        url_ = fmt::format("http://{}:{}/metrics", at.host, impl_->port());
    } catch (const std::exception&) {
        throw Error(
            ErrorCode::SystemError,
            fmt::format("--metrics {}: cannot listen there; is the port in use? Port 0 takes a free one",
                        address));
    }
}

#else

class MetricsEndpoint::Impl {};

MetricsEndpoint::MetricsEndpoint(Context&, const std::string& address) {
    std::ignore = parse_metrics_address(address);
    throw Error(
        ErrorCode::Unsupported,
        "--metrics: this build has no Prometheus endpoint; install prometheus-cpp-dev and build again");
}

#endif

MetricsEndpoint::~MetricsEndpoint() = default;

}  // namespace tensorpool::apps
