// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/channel_uri.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace tensorpool::messaging {
namespace {

constexpr std::string_view kScheme = "aeron:";

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
    throw Error(ErrorCode::InvalidConfig, fmt::format("channel \"{}\": {}", text, why));
}

bool printable(std::string_view text) noexcept {
    for (const char c : text) {
        if (c <= ' ' || c > '~') return false;
    }
    return true;
}

void add_param(std::string_view text, std::string_view param, std::map<std::string, std::string>& params) {
    const auto equals = param.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == param.size()) {
        refuse(text, fmt::format("\"{}\" is not key=value; write aeron:ipc?term-length=4m", param));
    }
    const auto [at, added] = params.emplace(param.substr(0, equals), param.substr(equals + 1));
    if (!added) refuse(text, fmt::format("\"{}\" is given twice", at->first));
}

}  // namespace

ChannelUri ChannelUri::parse(std::string_view text) {
    if (!printable(text)) refuse(text, "spaces and control characters are not allowed");
    if (text.substr(0, kScheme.size()) != kScheme) {
        refuse(text, "must start with \"aeron:\", for example aeron:ipc?term-length=4m");
    }
    std::string_view rest = text.substr(kScheme.size());
    const auto question = rest.find('?');
    ChannelUri uri;
    uri.media = rest.substr(0, question);
    if (uri.media != "ipc" && uri.media != "udp") {
        refuse(text, fmt::format("\"{}\" is no medium; use ipc or udp", uri.media));
    }
    if (question == std::string_view::npos) return uri;
    rest.remove_prefix(question + 1);
    for (;;) {
        const auto bar = rest.find('|');
        add_param(text, rest.substr(0, bar), uri.params);
        if (bar == std::string_view::npos) return uri;
        rest.remove_prefix(bar + 1);
    }
}

std::optional<std::uint64_t> ChannelUri::size_bytes(const std::string& param) const {
    const auto found = params.find(param);
    if (found == params.end()) return std::nullopt;
    const std::string& text = found->second;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
    unsigned shift = 0;
    bool known = error == std::errc{} && suffix.size() <= 1;
    if (known && !suffix.empty()) {
        switch (suffix.front()) {
            case 'k':
            case 'K':
                shift = 10;
                break;
            case 'm':
            case 'M':
                shift = 20;
                break;
            case 'g':
            case 'G':
                shift = 30;
                break;
            default:
                known = false;
        }
    }
    if (!known || value > (std::numeric_limits<std::uint64_t>::max() >> shift)) {
        throw Error(ErrorCode::InvalidConfig,
                    fmt::format("{} \"{}\" is not a size; write bytes or use the suffix k, m or g, "
                                "for example 4m",
                                param, text));
    }
    return value << shift;
}

bool is_payload_fallback(std::string_view uri) noexcept {
    constexpr std::string_view kBridge = "bridge://";
    return uri.starts_with("aeron:") || (uri.starts_with(kBridge) && uri.size() > kBridge.size());
}

bool is_consumer_channel(std::string_view channel, bool ipc_only) {
    try {
        const ChannelUri uri = ChannelUri::parse(channel);
        return uri.term_length_bytes().value_or(0) <= kMaxConsumerTermBytes &&
               (!ipc_only || uri.media == "ipc");
    } catch (const Error&) {
        return false;
    }
}

}  // namespace tensorpool::messaging
