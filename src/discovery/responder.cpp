// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "discovery/responder.hpp"

#include "base/log.hpp"
#include "messaging/channel_uri.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace tensorpool::discovery {
namespace {

constexpr std::string_view kModule = "Discovery";
constexpr std::size_t kMostWaiting = 256;
constexpr std::size_t kMostWaitingBytes = std::size_t{32} << 20;
constexpr std::size_t kMostErrorBytes = 1024;  // DISC-052

bool is_worth_another_try(messaging::SendError error) noexcept {
    return error == messaging::SendError::NotConnected || error == messaging::SendError::BackPressured ||
           error == messaging::SendError::AdminAction;
}

}  // namespace

Responder::Responder(messaging::Client& messaging, const DiscoveryProviderOptions& options,
                     DiscoveryProviderCounters& counters)
    : messaging_(messaging),
      options_(options),
      counters_(counters),
      buffer_(std::max<std::size_t>(options.response_buffer_bytes, kMostErrorBytes)) {
}

bool Responder::may_open(const Endpoint& to) const {
    try {
        const auto term = messaging::ChannelUri::parse(to.channel).term_length_bytes();
        return !term || *term <= options_.max_response_term_bytes;
    } catch (const std::exception&) {
        return false;
    }
}

bool Responder::make_room() noexcept {
    if (targets_.size() < options_.max_response_endpoints) return true;
    const auto idlest = std::min_element(targets_.begin(), targets_.end(), [](const auto& a, const auto& b) {
        return std::pair(a->waiting, a->used_ns) < std::pair(b->waiting, b->used_ns);
    });
    if (idlest == targets_.end() || (*idlest)->waiting > 0) return false;
    targets_.erase(idlest);
    return true;
}

Responder::Target* Responder::target_of(const Endpoint& to, Nanos now_ns) {
    const auto known = std::find_if(targets_.begin(), targets_.end(),
                                    [&](const auto& target) { return target->endpoint == to; });
    if (known != targets_.end()) {
        (*known)->used_ns = now_ns;
        return known->get();
    }
    if (!may_open(to) || !make_room()) return nullptr;
    try {
        auto target = std::make_unique<Target>();
        target->endpoint = to;
        target->publication = messaging_.add_publication(to.channel, to.stream_id);
        target->used_ns = now_ns;
        targets_.push_back(std::move(target));
        return targets_.back().get();
    } catch (const std::exception& error) {
        if (counters_.response_endpoints_refused == 0) {  // once: strangers choose how often this happens
            base::log(LogLevel::Warn, kModule, "a response endpoint cannot be opened: {}", error.what());
        }
        return nullptr;
    }
}

std::size_t Responder::encode_within(const control::DiscoveryAnswerView& answer, std::size_t most) {
    while (true) {
        const std::size_t room = std::min(buffer_.size(), most);
        const std::size_t bytes = control::encode(std::span(buffer_).first(room), answer);
        if (bytes != 0 || buffer_.size() >= most) return bytes;
        buffer_.resize(std::min(most, buffer_.size() * 2));
    }
}

bool Responder::send(const Endpoint& to, control::DiscoveryAnswerView answer, Nanos now_ns) {
    answer.error_message = answer.error_message.substr(0, kMostErrorBytes);
    Target* const target = target_of(to, now_ns);
    if (target == nullptr) {
        ++counters_.response_endpoints_refused;
        return false;
    }
    const std::size_t most = target->publication->max_message_length();
    DiscoveryStatus status = answer.status;
    std::size_t bytes = encode_within(answer, most);
    if (bytes == 0) {
        const std::string why = fmt::format(
            "{} results do not fit a message of {} bytes on this channel; ask for fewer, or for a response "
            "channel with a longer term-length",
            answer.results.size(), most);
        status = DiscoveryStatus::Error;
        bytes = encode_within({answer.request_id, status, {}, why}, most);
    }
    if (bytes == 0) {
        ++counters_.responses_dropped;
        return false;
    }
    switch (status) {
        case DiscoveryStatus::Ok:
            ++counters_.responses_ok;
            break;
        case DiscoveryStatus::NotFound:
            ++counters_.responses_not_found;
            break;
        case DiscoveryStatus::Error:
            ++counters_.responses_error;
            break;
    }
    const std::span<const std::byte> message(buffer_.data(), bytes);
    if (target->waiting == 0) {
        const auto sent = target->publication->offer(message);
        if (sent) return true;
        if (!is_worth_another_try(sent.error())) {
            ++counters_.responses_dropped;
            return false;
        }
    }
    return enqueue(*target, message, now_ns);
}

bool Responder::enqueue(Target& target, std::span<const std::byte> bytes, Nanos now_ns) {
    if (waiting_.size() >= kMostWaiting || waiting_bytes_ + bytes.size() > kMostWaitingBytes) {
        ++counters_.responses_dropped;
        return false;
    }
    waiting_.push_back({&target, {bytes.begin(), bytes.end()}, now_ns + options_.response_timeout_ns});
    waiting_bytes_ += bytes.size();
    ++target.waiting;
    return true;
}

int Responder::do_work(Nanos now_ns) noexcept {
    int sent_count = 0;
    std::erase_if(waiting_, [&](Waiting& waiting) {
        const auto sent = waiting.target->publication->offer(waiting.bytes);
        if (!sent && is_worth_another_try(sent.error()) && now_ns < waiting.give_up_ns) return false;
        if (sent) {
            waiting.target->used_ns = now_ns;
            ++sent_count;
        } else {
            ++counters_.responses_dropped;
        }
        waiting_bytes_ -= waiting.bytes.size();
        --waiting.target->waiting;
        return true;
    });
    std::erase_if(targets_, [&](const auto& target) {
        return target->waiting == 0 && now_ns - target->used_ns > options_.response_idle_ns;
    });
    return sent_count;
}

}  // namespace tensorpool::discovery
