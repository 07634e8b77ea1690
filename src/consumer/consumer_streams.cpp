// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// What a consumer says about itself, what it lets itself be told, and the streams of its own.

#include "base/log.hpp"
#include "consumer/consumer_impl.hpp"
#include "control/stream_request.hpp"
#include "messaging/channel_uri.hpp"

#include <exception>

namespace tensorpool {
namespace {

constexpr int kProgressLimit = 64;

}  // namespace

void Consumer::Impl::say_hello(Nanos now_ns) noexcept {
    const bool sent = hello_->send_if_due(now_ns, [&] {
        control::ConsumerHello hello;
        hello.stream_id = options.stream_id;
        hello.consumer_id = consumer_id;
        hello.mode = options.delivery == Delivery::RateLimited ? Mode::RateLimited : Mode::Stream;
        hello.max_rate_hz = options.max_rate_hz;
        hello.supports_progress = options.progress.has_value();
        if (options.progress) {
            hello.progress_interval_us = options.progress->interval_us;
            hello.progress_bytes_delta = options.progress->bytes_delta;
            hello.progress_major_delta_units = options.progress->major_delta_units;
        }
        if (options.own_descriptors) {
            hello.descriptor_channel = options.own_descriptors->channel;
            hello.descriptor_stream_id = static_cast<std::uint32_t>(options.own_descriptors->stream_id);
        }
        if (options.own_progress) {
            hello.control_channel = options.own_progress->channel;
            hello.control_stream_id = static_cast<std::uint32_t>(options.own_progress->stream_id);
        }
        return hello;
    });
    if (sent) ++counters.hello_published;
}

void Consumer::Impl::on_consumer_config(const control::ConsumerConfig& config, const messaging::Message&) {
    if (config.stream_id != options.stream_id || config.consumer_id != consumer_id) return;  // WIRE-073
    const std::string& fallback = config.payload_fallback_uri;
    if (!config.use_shm && !fallback.empty() && !messaging::is_payload_fallback(fallback)) {
        ++counters.configs_refused;
        base::log_with(LogLevel::Warn, "Consumer",
                       {{"stream_id", options.stream_id}, {"consumer_id", consumer_id}, {"uri", fallback}},
                       "stream {}: told to read '{}', whose scheme is not defined; staying as it was",
                       options.stream_id, fallback);
        return;
    }
    follow_streams(config);
    if (config.use_shm == remote.use_shm && config.mode == remote.mode &&
        (config.use_shm || config.payload_fallback_uri == remote.fallback_uri)) {
        return;
    }
    ++counters.configs_applied;
    if (remote.use_shm && !config.use_shm) ++counters.fallbacks;
    remote = {config.use_shm, config.mode, config.use_shm ? std::string() : config.payload_fallback_uri};
    tracker.allow_shm(remote.use_shm);
    gate_.restart();
    base::log(LogLevel::Info, "Consumer", "stream {}: told to read {}, {}", options.stream_id,
              remote.use_shm                ? std::string_view("shared memory")
              : remote.fallback_uri.empty() ? std::string_view("elsewhere")
                                            : std::string_view(remote.fallback_uri),
              to_string(mode()));
}

void Consumer::Impl::follow_streams(const control::ConsumerConfig& config) {
    using control::StreamRequest;
    const StreamRequest descriptor =
        control::classify(config.descriptor_channel, config.descriptor_stream_id);
    const StreamRequest progress = control::classify(config.control_channel, config.control_stream_id);
    constexpr std::uint32_t kMaxId = 0x7fffffff;
    if (descriptor == StreamRequest::Half || progress == StreamRequest::Half ||
        config.descriptor_stream_id > kMaxId || config.control_stream_id > kMaxId) {
        ++counters.configs_refused;
        return;
    }
    try {
        const bool was_own = descriptors.on_own();
        const auto id = static_cast<std::int32_t>(config.descriptor_stream_id);
        if (descriptors.assign({config.descriptor_channel, id})) {
            first_own_.reset();
            if (id != 0) note_assigned(config.descriptor_channel, config.descriptor_stream_id);
            if (was_own) ++counters.streams_returned;
        }
        const auto progress_id = static_cast<std::int32_t>(config.control_stream_id);
        if (progress_id == 0 || !options.progress) {
            own_progress_.reset();
        } else if (own_progress_ == nullptr || own_progress_->channel() != config.control_channel ||
                   own_progress_->stream_id() != progress_id) {
            own_progress_ = context.messaging().add_subscription(config.control_channel, progress_id);
            note_assigned(config.control_channel, config.control_stream_id);
        }
    } catch (const std::exception& error) {
        ++counters.configs_refused;
        base::log(LogLevel::Warn, "Consumer", "stream {}: cannot read the stream assigned to it: {}",
                  options.stream_id, error.what());
    }
    list_waits();
}

void Consumer::Impl::note_assigned(const std::string& channel, std::uint32_t stream_id) noexcept {
    ++counters.streams_assigned;
    base::log_with(LogLevel::Info, "Consumer",
                   {{"stream_id", options.stream_id},
                    {"consumer_id", consumer_id},
                    {"channel", std::string_view(channel)},
                    {"assigned_stream_id", stream_id}},
                   "stream {}: reads {} {} of its own", options.stream_id, channel, stream_id);
}

void Consumer::Impl::list_waits() noexcept {
    wait_set_.clear();
    for (messaging::Subscription* subscription :
         {control_.get(), announces_.get(), own_progress_.get(), &descriptors.current(),
          descriptors.is_joining() ? &descriptors.own() : nullptr}) {
        if (subscription != nullptr) wait_set_.push_back(subscription);
    }
}

// ---- frames that are being filled -------------------------------------------------------------------------

void Consumer::Impl::on_frame_progress(const control::FrameProgress& progress, const messaging::Message&) {
    // WIRE-104: who did not ask does not look. WIRE-084: with a stream of its own, only that one counts.
    if (!options.progress || (own_progress_ != nullptr && own_progress_->is_connected())) return;
    take_progress(progress);
}

int Consumer::Impl::poll_own_progress() noexcept {
    if (own_progress_ == nullptr) return 0;
    return own_progress_->poll(
        [this](const messaging::Message& message) {
            control::FrameProgress progress;
            if (control::decode(message.bytes, progress) == control::DecodeResult::Ok) {
                take_progress(progress);
            } else {
                ++counters.messages_invalid;  // nothing else belongs there (WIRE-085)
            }
        },
        kProgressLimit);
}

void Consumer::Impl::take_progress(const control::FrameProgress& progress) noexcept {
    if (progress.stream_id != options.stream_id) return;  // WIRE-073
    ++counters.progress_received;
    sync_mapping();
    if (mapped_ == nullptr || progress.epoch != mapped_epoch_) {
        ++counters.progress_drops_epoch;
        return;
    }
    using Result = consumer::ProgressReader::Result;
    Result result = progress.state == FrameProgressState::Unknown ? Result::Inconsistent
                                                                  : progress_reader_.read(progress);
    if (result == Result::Ok) {
        try {
            if (progress_handler) progress_handler(progress_reader_.frame());
        } catch (...) {
            ++counters.handler_errors;
        }
        if (!progress_reader_.frame().intact()) result = Result::Late;
    }
    switch (result) {
        case Result::Ok:
            ++counters.progress_delivered;
            return;
        case Result::Late:
            ++counters.progress_drops_late;
            return;
        case Result::Regression:
            ++counters.progress_drops_regression;
            return;
        case Result::Inconsistent:
            ++counters.progress_drops_inconsistent;
            return;
    }
}

}  // namespace tensorpool
