// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "common/messaging_options.hpp"

#include "common/program.hpp"
#include "messaging/messaging.hpp"

#include <limits>

namespace tensorpool::apps {
namespace {

constexpr const char* kGroup = "Messaging";

}  // namespace

void MessagingOptions::add_to(const cli::Command& command) {
    command.add_option("--messaging", kind, "embedded (default) or aeron; environment: TP_MESSAGING")
        .check(cli::one_of({"embedded", "aeron"}))
        .group(kGroup);
    command
        .add_option("--messaging-dir", directory,
                    "embedded: where the message logs live; environment: TP_MESSAGING_DIR")
        .group(kGroup);
    command.add_flag("--messaging-group", group_access, "embedded: share the directory with the user's group")
        .envname("TP_MESSAGING_GROUP")
        .group(kGroup);
    command.add_option("--aeron-dir", aeron_dir, "aeron: the media driver's directory")
        .envname("TP_AERON_DIR")
        .group(kGroup);
    command
        .add_flag("--embedded-media-driver", embedded_media_driver,
                  "aeron: run the media driver in this process instead of using an aeronmd")
        .envname("TP_EMBEDDED_MEDIA_DRIVER")
        .group(kGroup);
}

ContextOptions MessagingOptions::context_options() const {
    return context_options(ContextOptions::from_environment());
}

ContextOptions MessagingOptions::context_options(ContextOptions from_file) const {
    if (!kind.empty()) from_file.messaging = parse_messaging_kind(kind);
    if (!directory.empty()) from_file.messaging_dir = directory;
    if (group_access) from_file.group_access = true;
    if (!aeron_dir.empty()) from_file.aeron_dir = aeron_dir;
    name_messaging(from_file.messaging == MessagingKind::Aeron ? "Aeron" : "Messaging");
    if (embedded_media_driver) from_file.embedded_media_driver = true;
    return from_file;
}

void linger(Context& context) {
    constexpr Nanos kLinger = 250 * kNanosPerMilli;
    constexpr Nanos kNap = 5 * kNanosPerMilli;
    for (const Nanos end = context.clock().now_ns() + kLinger; context.clock().now_ns() < end;) {
        context.messaging().do_work(context.clock().now_ns());
        context.messaging().wait({}, kNap);
    }
}

void add_endpoint(const cli::Command& command, const std::string& name, Endpoint& endpoint,
                  const std::string& channel_variable, const std::string& stream_variable) {
    const cli::Option channel =
        command.add_option("--" + name + "-channel", endpoint.channel, "channel of the " + name + " stream")
            .capture_default_str()
            .group(kGroup);
    const cli::Option stream =
        command.add_option("--" + name + "-stream-id", endpoint.stream_id, "id of the " + name + " stream")
            .capture_default_str()
            .check(cli::range(1, std::numeric_limits<std::int32_t>::max()))
            .group(kGroup);
    if (!channel_variable.empty()) channel.envname(channel_variable);
    if (!stream_variable.empty()) stream.envname(stream_variable);
}

void add_endpoints(const cli::Command& command, StreamEndpoints& endpoints) {
    add_endpoint(command, "control", endpoints.control, "TP_CONTROL_CHANNEL", "TP_CONTROL_STREAM_ID");
    add_endpoint(command, "announce", endpoints.announce);
    add_endpoint(command, "descriptor", endpoints.descriptor);
    add_endpoint(command, "qos", endpoints.qos, "TP_QOS_CHANNEL", "TP_QOS_STREAM_ID");
    add_endpoint(command, "metadata", endpoints.metadata, "TP_METADATA_CHANNEL", "TP_METADATA_STREAM_ID");
}

}  // namespace tensorpool::apps
