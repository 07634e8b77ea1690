// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// tp send-consumer-config: tells one consumer how to read, as a supervisor would.

#include "common/choice.hpp"
#include "common/messaging_options.hpp"
#include "control/publisher.hpp"
#include "tp/commands.hpp"

#include <tensorpool/context.hpp>
#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <map>
#include <string>

namespace tensorpool::apps {
namespace {

constexpr Nanos kIdle = kNanosPerMilli;

struct ConfigOptions {
    MessagingOptions messaging;
    Endpoint control = StreamEndpoints{}.control;
    std::uint32_t stream_id = 0;
    std::uint32_t consumer_id = 0;
    bool use_shm = true;
    Mode mode = Mode::Stream;
    std::string payload_fallback_uri;
    std::uint32_t timeout_ms = 5000;
};

ExitCode run_send(ConfigOptions& options) {
    stop_on_signals();
    Context context(options.messaging.context_options());
    control::ControlPublisher publisher(
        context.messaging().add_publication(options.control.channel, options.control.stream_id));
    // TOOL-011: nobody hears what is sent before a subscriber is connected.
    const Nanos end = context.clock().now_ns() + options.timeout_ms * kNanosPerMilli;
    while (!publisher.is_connected()) {
        if (stop_requested() || context.clock().now_ns() >= end) {
            throw Error(ErrorCode::MessagingError,
                        fmt::format("not sent, nobody subscribes to {} stream {}", options.control.channel,
                                    options.control.stream_id));
        }
        context.messaging().do_work(context.clock().now_ns());
        context.messaging().wait({}, kIdle);
    }
    control::ConsumerConfig config;
    config.stream_id = options.stream_id;
    config.consumer_id = options.consumer_id;
    config.use_shm = options.use_shm;
    config.mode = options.mode;
    config.payload_fallback_uri = options.payload_fallback_uri;
    if (!publisher.send(config))
        throw Error(ErrorCode::MessagingError, "the control stream did not take the message");
    linger(context);
    return ExitCode::Ok;
}

}  // namespace

void add_send_consumer_config_command(const cli::Command& app, Selection& selection) {
    add_command<ConfigOptions>(
        app, selection, "send-consumer-config",
        "Tell one consumer how to read: rate limited, or not through shared memory.\n"
        "Example: tp send-consumer-config --stream-id 10000 --consumer-id 42 --mode rate_limited",
        [](const cli::Command& command, ConfigOptions& options) {
            static const std::map<std::string, Mode> kModes{{"stream", Mode::Stream},
                                                            {"rate_limited", Mode::RateLimited}};
            static const std::map<std::string, bool> kBool{{"true", true}, {"false", false}};
            command.add_option("--channel", options.control.channel, "channel of the control stream")
                .capture_default_str()
                .envname("TP_AERON_URI");
            command.add_option("--control-stream-id", options.control.stream_id, "id of the control stream")
                .capture_default_str()
                .envname("TP_CONTROL_STREAM_ID");
            command.add_option("--stream-id", options.stream_id, "tensor stream")
                .required()
                .envname("TP_STREAM_ID");
            command.add_option("--consumer-id", options.consumer_id, "who is told")
                .required()
                .envname("TP_CLIENT_ID");
            add_choice(command, "--use-shm", options.use_shm, kBool, "true or false").envname("TP_USE_SHM");
            add_choice(command, "--mode", options.mode, kModes, "stream or rate_limited").envname("TP_MODE");
            command
                .add_option("--payload-fallback-uri", options.payload_fallback_uri,
                            "where it reads instead of shared memory")
                .envname("TP_PAYLOAD_FALLBACK_URI");
            command.add_option("--timeout-ms", options.timeout_ms, "longest wait for a subscriber")
                .capture_default_str();
            options.messaging.add_to(command);
        },
        run_send);
}

}  // namespace tensorpool::apps
