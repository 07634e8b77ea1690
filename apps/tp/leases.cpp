// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp driver-attach, tp driver-keepalive, tp driver-detach: one step of the lease protocol each, by hand.

#include "common/choice.hpp"
#include "common/messaging_options.hpp"
#include "common/report.hpp"
#include "control/dispatcher.hpp"
#include "control/publisher.hpp"
#include "tp/commands.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/error.hpp>
#include <tensorpool/tensor.hpp>

#include <fmt/format.h>

#include <map>
#include <optional>
#include <random>

namespace tensorpool::apps {
namespace {

constexpr Nanos kIdle = kNanosPerMilli;
constexpr Nanos kKeepalivePeriod = kNanosPerSecond;

struct LeaseOptions {
    MessagingOptions messaging;
    Endpoint control = StreamEndpoints{}.control;
    std::uint32_t client_id = 0;
    Role role = Role::Consumer;
    std::uint32_t stream_id = 0;
    std::uint64_t lease_id = 0;
    std::uint32_t timeout_ms = 5000;
    bool json = false;
    // driver-attach only
    std::optional<PublishMode> publish_mode;
    std::uint32_t expected_layout_version = 0;
    HugepagesPolicy hugepages = HugepagesPolicy::Unspecified;
    std::optional<std::uint32_t> desired_node_id;
    double hold_s = 0;
};

std::uint64_t random_u64() {
    std::random_device random;
    return std::uint64_t{random()} << 32U | random();
}

/// Waits for the one response that echoes a correlation id; others belong to other clients (TOOL-022).
template <typename Response>
class ResponseWaiter final : public control::ControlHandler {
public:
    explicit ResponseWaiter(std::int64_t correlation_id) : correlation_id_(correlation_id) {}

    void on_attach_response(const control::AttachResponse& response, const messaging::Message&) override {
        keep(response);
    }
    void on_detach_response(const control::DetachResponse& response, const messaging::Message&) override {
        keep(response);
    }
    void on_undecodable(std::uint16_t, std::uint16_t, std::int64_t correlation_id, control::DecodeResult why,
                        const messaging::Message&) override {
        if (correlation_id == correlation_id_)
            fault_ = fmt::format("the driver's response cannot be read: {}", control::to_string(why));
    }

    [[nodiscard]] const std::optional<Response>& response() const noexcept { return response_; }
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

private:
    template <typename Message>
    void keep(const Message& message) {
        if constexpr (std::is_same_v<Message, Response>) {
            if (message.correlation_id == correlation_id_ && !response_) response_ = message;
        }
    }
    std::int64_t correlation_id_;
    std::optional<Response> response_;
    std::string fault_;
};

/// The control stream, open for as long as one command runs.
class ControlLine {
public:
    explicit ControlLine(const LeaseOptions& options)
        : options_(options),
          context_(options.messaging.context_options()),
          subscription_(
              context_.messaging().add_subscription(options.control.channel, options.control.stream_id)),
          publisher_(
              context_.messaging().add_publication(options.control.channel, options.control.stream_id)),
          deadline_(now() + options.timeout_ms * kNanosPerMilli) {}

    void linger() { apps::linger(context_); }
    [[nodiscard]] Nanos now() const { return context_.clock().now_ns(); }

    template <typename Message>
    void send(const Message& message) {
        while (true) {
            const auto sent = publisher_.send(message);
            if (sent) return;
            if (now() >= deadline_) {
                throw Error(ErrorCode::MessagingError,
                            fmt::format("{} stream {}: not sent, {}; is a driver running there?",
                                        options_.control.channel, options_.control.stream_id,
                                        messaging::to_string(sent.error())));
            }
            pause();
        }
    }

    template <typename Response>
    Response await(std::int64_t correlation_id) {
        ResponseWaiter<Response> waiter(correlation_id);
        control::ControlDispatcher dispatcher(waiter);
        while (!waiter.response()) {
            if (dispatcher.poll(*subscription_, 10) > 0) continue;
            if (!waiter.fault().empty()) throw Error(ErrorCode::ProtocolError, waiter.fault());
            if (now() >= deadline_) {
                throw Error(
                    ErrorCode::Timeout,
                    fmt::format("no response within {} ms on {} stream {}; is a driver running there?",
                                options_.timeout_ms, options_.control.channel, options_.control.stream_id));
            }
            pause();
        }
        return *waiter.response();
    }

    void pause() {
        context_.messaging().do_work(now());
        messaging::Subscription* const subscriptions[] = {subscription_.get()};
        context_.messaging().wait(subscriptions, kIdle);
    }

    void discard_incoming() {
        control::ControlHandler nobody;
        control::ControlDispatcher dispatcher(nobody);
        while (dispatcher.poll(*subscription_, 10) > 0) {
        }
    }

    void restart_timeout() { deadline_ = now() + options_.timeout_ms * kNanosPerMilli; }

private:
    const LeaseOptions& options_;
    Context context_;
    std::unique_ptr<messaging::Subscription> subscription_;
    control::ControlPublisher publisher_;
    Nanos deadline_;
};

template <typename T>
Report optional_value(const std::optional<T>& value) {
    return value ? Report(*value) : Report(nullptr);
}

Report report_of(const control::AttachResponse& response) {
    Report report;
    report["correlation_id"] = response.correlation_id;
    report["code"] = to_string(response.code);
    report["stream_id"] = optional_value(response.stream_id);
    report["epoch"] = optional_value(response.epoch);
    report["layout_version"] = optional_value(response.layout_version);
    report["header_nslots"] = optional_value(response.header_nslots);
    report["header_slot_bytes"] = optional_value(response.header_slot_bytes);
    report["max_dims"] = kMaxDims;
    report["header_region_uri"] = response.header_region_uri;
    report["lease_id"] = optional_value(response.lease_id);
    report["lease_expiry_ns"] = optional_value(response.lease_expiry_timestamp_ns);
    report["node_id"] = optional_value(response.node_id);
    report["payload_pools"] = Report::array();
    for (const control::PoolInfo& pool : response.pools) {
        report["payload_pools"].push_back({{"pool_id", pool.pool_id},
                                           {"stride_bytes", pool.stride_bytes},
                                           {"pool_nslots", pool.nslots},
                                           {"uri", pool.region_uri}});
    }
    report["error_message"] = response.error_message;
    return report;
}

control::LeaseKeepalive keepalive_of(const LeaseOptions& options, Nanos now_ns) {
    control::LeaseKeepalive message;
    message.lease_id = options.lease_id;
    message.stream_id = options.stream_id;
    message.client_id = options.client_id;
    message.role = options.role;
    message.client_timestamp_ns = static_cast<std::uint64_t>(now_ns);
    return message;
}

control::DetachResponse detach(ControlLine& line, const LeaseOptions& options) {
    control::DetachRequest request;
    request.correlation_id = static_cast<std::int64_t>(random_u64());
    request.lease_id = options.lease_id;
    request.stream_id = options.stream_id;
    request.client_id = options.client_id;
    request.role = options.role;
    line.send(request);
    return line.await<control::DetachResponse>(request.correlation_id);
}

/// Keeps the lease alive, then gives it back (TOOL-023).
void hold(ControlLine& line, LeaseOptions& options, std::uint64_t lease_id) {
    stop_on_signals();
    options.lease_id = lease_id;
    const Nanos end = deadline_after(options.hold_s);
    for (Nanos next = 0; !stop_requested() && line.now() < end;) {
        if (line.now() >= next) {
            line.restart_timeout();
            line.send(keepalive_of(options, line.now()));
            next = line.now() + kKeepalivePeriod;
        }
        line.discard_incoming();
        line.pause();
    }
    line.restart_timeout();
    detach(line, options);
}

ExitCode run_attach(LeaseOptions& options) {
    while (options.client_id == 0) options.client_id = static_cast<std::uint32_t>(random_u64());
    ControlLine line(options);
    control::AttachRequest request;
    request.correlation_id = static_cast<std::int64_t>(random_u64());
    request.stream_id = options.stream_id;
    request.client_id = options.client_id;
    request.role = static_cast<std::uint8_t>(options.role);
    request.expected_layout_version = options.expected_layout_version;
    if (options.publish_mode) request.publish_mode = static_cast<std::uint8_t>(*options.publish_mode);
    request.require_hugepages = static_cast<std::uint8_t>(options.hugepages);
    request.desired_node_id = options.desired_node_id;
    line.send(request);
    const auto response = line.await<control::AttachResponse>(request.correlation_id);
    print_report(report_of(response), options.json);
    if (response.code != ResponseCode::Ok) return ExitCode::Negative;
    if (options.hold_s > 0 && response.lease_id) hold(line, options, *response.lease_id);
    return ExitCode::Ok;
}

ExitCode run_keepalive(LeaseOptions& options) {
    ControlLine line(options);
    try {
        line.send(keepalive_of(options, line.now()));
    } catch (const Error& error) {
        std::fprintf(stderr, "tp driver-keepalive: not sent: %s\n", error.what());
        std::puts(options.json ? R"({"sent":false})" : "false");
        return ExitCode::Negative;
    }
    line.linger();
    std::puts(options.json ? R"({"sent":true})" : "true");
    return ExitCode::Ok;
}

ExitCode run_detach(LeaseOptions& options) {
    ControlLine line(options);
    const control::DetachResponse response = detach(line, options);
    Report report;
    report["correlation_id"] = response.correlation_id;
    report["code"] = to_string(response.code);
    report["error_message"] = response.error_message;
    print_report(report, options.json);
    return response.code == ResponseCode::Ok ? ExitCode::Ok : ExitCode::Negative;
}

void add_common(const cli::Command& command, LeaseOptions& options) {
    static const std::map<std::string, Role> kRoles{{"producer", Role::Producer},
                                                    {"consumer", Role::Consumer}};
    options.messaging.add_to(command);
    add_endpoint(command, "control", options.control, "TP_CONTROL_CHANNEL", "TP_CONTROL_STREAM_ID");
    command.add_option("--client-id", options.client_id, "the client; 0: attach chooses one")
        .required()
        .envname("TP_CLIENT_ID");
    add_choice(command, "--role", options.role, kRoles, "producer or consumer").required().envname("TP_ROLE");
    command.add_option("--stream-id", options.stream_id, "tensor stream").required().envname("TP_STREAM_ID");
    command.add_option("--timeout-ms", options.timeout_ms, "longest wait").capture_default_str();
    command.add_flag("--json", options.json, "one JSON object");
}

void add_lease_id(const cli::Command& command, LeaseOptions& options) {
    command.add_option("--lease-id", options.lease_id, "as printed by driver-attach")
        .required()
        .envname("TP_LEASE_ID");
}

void add_attach_policies(const cli::Command& command, LeaseOptions& options) {
    static const std::map<std::string, PublishMode> kModes{
        {"require_existing", PublishMode::RequireExisting},
        {"existing_or_create", PublishMode::ExistingOrCreate}};
    static const std::map<std::string, HugepagesPolicy> kPolicies{
        {"hugepages", HugepagesPolicy::Hugepages},     {"true", HugepagesPolicy::Hugepages},
        {"standard", HugepagesPolicy::Standard},       {"false", HugepagesPolicy::Standard},
        {"unspecified", HugepagesPolicy::Unspecified}, {"unset", HugepagesPolicy::Unspecified}};
    options.publish_mode = PublishMode::RequireExisting;
    add_choice(command, "--publish-mode", options.publish_mode, kModes,
               "require_existing (default) or existing_or_create");
    command.add_option("--expected-layout-version", options.expected_layout_version, "0: any")
        .capture_default_str();
    add_choice(command, "--hugepages", options.hugepages, kPolicies,
               "hugepages, standard or unspecified (default)");
    command.add_option("--desired-node-id", options.desired_node_id, "ask for this node id");
    command
        .add_option("--hold-s", options.hold_s,
                    "keep the lease this long, then detach; without it the lease expires")
        .check(cli::not_negative());
}

}  // namespace

void add_lease_commands(const cli::Command& app, Selection& selection) {
    add_command<LeaseOptions>(
        app, selection, "driver-attach",
        "Ask a driver for a lease and print its answer.\n"
        "Example: tp driver-attach --client-id 7 --role producer --stream-id 10000",
        [](const cli::Command& command, LeaseOptions& options) {
            add_common(command, options);
            add_attach_policies(command, options);
        },
        run_attach);
    add_command<LeaseOptions>(
        app, selection, "driver-keepalive",
        "Keep a lease alive once; prints whether the message was sent.\n"
        "Example: tp driver-keepalive --client-id 7 --role producer --stream-id 10000 --lease-id 123",
        [](const cli::Command& command, LeaseOptions& options) {
            add_common(command, options);
            add_lease_id(command, options);
        },
        run_keepalive);
    add_command<LeaseOptions>(
        app, selection, "driver-detach",
        "Give a lease back.\n"
        "Example: tp driver-detach --client-id 7 --role producer --stream-id 10000 --lease-id 123",
        [](const cli::Command& command, LeaseOptions& options) {
            add_common(command, options);
            add_lease_id(command, options);
        },
        run_detach);
}

}  // namespace tensorpool::apps
