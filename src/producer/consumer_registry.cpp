// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "producer/consumer_registry.hpp"

#include "base/log.hpp"
#include "control/stream_request.hpp"
#include "messaging/channel_uri.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

namespace tensorpool::producer {
namespace {

constexpr std::string_view kModule = "Producer";
constexpr int kPollLimit = 256;      // the shared control stream carries progress too, the own included
constexpr Nanos kSilentPeriods = 5;  // OBS-014
constexpr int kChecksPerTimeout = 4;

Nanos stale_after(const ProducerOptions& options) noexcept {
    if (options.consumer_stale_after_ns > 0) return options.consumer_stale_after_ns;
    return kSilentPeriods * std::max(options.announce_period_ns, options.qos_period_ns);
}

}  // namespace

ConsumerRegistry::ConsumerRegistry(Context& context, const ProducerOptions& options,
                                   ProducerCounters& counters)
    : context_(context),
      options_(options),
      counters_(counters),
      control_(context.messaging().add_subscription(options.endpoints.control.channel,
                                                    options.endpoints.control.stream_id)),
      qos_(context.messaging().add_subscription(options.endpoints.qos.channel,
                                                options.endpoints.qos.stream_id)),
      publisher_(context.messaging().add_sparse_publication(options.endpoints.control.channel,
                                                            options.endpoints.control.stream_id)),
      issuer_(options.per_consumer, options.endpoints, context.messaging().backend() == "embedded"),
      stale_after_ns_(stale_after(options)),
      stale_timer_(std::max<Nanos>(stale_after_ns_ / kChecksPerTimeout, 1)),
      limits_(options.progress) {
    // So that reconsider() never allocates.
    entries_.reserve(options.max_consumers);
    with_descriptors_.reserve(options.max_consumers);
    with_progress_.reserve(options.max_consumers);
}

int ConsumerRegistry::do_work(Nanos now_ns) noexcept {
    now_ns_ = now_ns;
    int work = dispatcher_.poll(*control_, kPollLimit) + dispatcher_.poll(*qos_, kPollLimit);
    const int images = control_->image_count();
    somebody_new_ = images > images_;
    images_ = images;
    if (stale_timer_.due(now_ns)) work += remove_stale();
    return work;
}

// ---- per frame ------------------------------------------------------------------------------------------

bool ConsumerRegistry::is_connected() const noexcept {
    return std::ranges::any_of(with_descriptors_,
                               [](const Entry* entry) { return entry->descriptors->is_connected(); });
}

bool ConsumerRegistry::send_descriptor(std::span<const std::byte> message, std::uint64_t stamp_ns) noexcept {
    bool taken = false;
    for (Entry* const entry : with_descriptors_) {
        if (!entry->gate.admit(stamp_ns)) {
            ++counters_.consumer_descriptors_capped;
        } else if (entry->descriptors->offer(message)) {
            ++counters_.consumer_descriptors_published;
            taken = true;
        } else {
            ++counters_.consumer_descriptors_refused;
        }
    }
    return taken;
}

bool ConsumerRegistry::send_progress(std::span<const std::byte> message) noexcept {
    bool taken = shared_progress_ && progress_ != nullptr && progress_->offer(message).has_value();
    for (Entry* const entry : with_progress_) taken = entry->progress->offer(message).has_value() || taken;
    return taken;
}

// ---- what is heard ----------------------------------------------------------------------------------------

void ConsumerRegistry::on_consumer_hello(const control::ConsumerHello& hello, const messaging::Message&) {
    if (hello.stream_id != options_.stream_id) return;  // WIRE-073
    Entry* const entry = entry_of(hello.consumer_id);
    if (entry == nullptr) return;
    entry->heard_ns = now_ns_;
    entry->wants_progress = hello.supports_progress;
    entry->interval_us = hello.progress_interval_us;
    entry->bytes_delta = hello.progress_bytes_delta;
    entry->major_delta_units = hello.progress_major_delta_units.value_or(0);
    if (entry->max_rate_hz != hello.max_rate_hz) {
        entry->max_rate_hz = hello.max_rate_hz;
        entry->gate = base::RateGate(hello.max_rate_hz);  // WIRE-088
    }
    if (is_issuer()) answer(hello, *entry);
    reconsider();
    if (shared_progress_ && progress_ == nullptr) open_shared_progress();
}

/// Progress may come thousands of times a second, what else is said on the control stream once: its log is
/// only there when somebody asked (docs/decisions/0008).
void ConsumerRegistry::open_shared_progress() noexcept {
    const Endpoint& control = options_.endpoints.control;
    try {
        progress_ = context_.messaging().add_publication(control.channel, control.stream_id);
    } catch (const std::exception& error) {  // asked for again with the next hello
        if (!progress_log_.pass(now_ns_)) return;
        base::log_with(LogLevel::Warn, kModule,
                       {{"stream_id", options_.stream_id}, {"reason", std::string_view(error.what())}},
                       "stream {}: no progress on the control stream: {}", options_.stream_id, error.what());
    }
}

void ConsumerRegistry::on_consumer_config(const control::ConsumerConfig& config,
                                          const messaging::Message& message) {
    if (config.stream_id != options_.stream_id) return;
    if (message.image->session_id == publisher_.publication().session_id()) return;  // the own one
    foreign_issuer_until_ns_ = base::saturating_add(now_ns_, stale_after_ns_);
    Entry* const entry = entry_of(config.consumer_id);
    if (entry == nullptr) return;
    apply(config, *entry);
    reconsider();
}

void ConsumerRegistry::on_qos_consumer(const control::QosConsumer& qos, const messaging::Message&) {
    if (qos.stream_id != options_.stream_id) return;
    if (Entry* const entry = find(qos.consumer_id)) entry->heard_ns = now_ns_;  // WIRE-087
}

void ConsumerRegistry::on_lease_revoked(const control::LeaseRevoked& revoked, const messaging::Message&) {
    if (revoked.stream_id != options_.stream_id || revoked.role != Role::Consumer) return;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i]->consumer_id != revoked.client_id) continue;
        remove(i);
        reconsider();
        return;
    }
}

// ---- streams of single consumers --------------------------------------------------------------------------

/// Every hello that asks is answered: an answer that its consumer missed is said again with the next.
void ConsumerRegistry::answer(const control::ConsumerHello& hello, Entry& entry) {
    using control::StreamRequest;
    const bool asks =
        control::classify(hello.descriptor_channel, hello.descriptor_stream_id) != StreamRequest::None ||
        control::classify(hello.control_channel, hello.control_stream_id) != StreamRequest::None;
    const bool holds = entry.descriptors != nullptr || entry.progress != nullptr;
    if (!asks && !holds) return;
    control::ConsumerConfig config;
    config.stream_id = hello.stream_id;
    config.consumer_id = hello.consumer_id;
    config.use_shm = hello.supports_shm;
    config.mode = hello.mode;
    counters_.consumer_streams_declined += static_cast<std::uint64_t>(issuer_.answer(hello, config));
    apply(config, entry);
    // What could not be opened is declined (WIRE-080).
    if (config.descriptor_stream_id != 0 && entry.descriptors == nullptr) {
        config.descriptor_stream_id = 0;
        config.descriptor_channel.clear();
    }
    if (config.control_stream_id != 0 && entry.progress == nullptr) {
        config.control_stream_id = 0;
        config.control_channel.clear();
    }
    if (publisher_.send(config)) ++counters_.configs_published;
}

void ConsumerRegistry::apply(const control::ConsumerConfig& config, Entry& entry) {
    // An issuer gives an id to one consumer at a time: who held it before is gone.
    for (const auto& other : entries_) {
        if (other.get() == &entry) continue;
        for (auto* publication : {&other->descriptors, &other->progress}) {
            if (*publication == nullptr) continue;
            const auto id = static_cast<std::uint32_t>((*publication)->stream_id());
            if (id == config.descriptor_stream_id || id == config.control_stream_id) close(*publication);
        }
    }
    const bool had_descriptors = entry.descriptors != nullptr;
    follow(entry.descriptors, config.descriptor_channel, config.descriptor_stream_id);
    if (!had_descriptors) entry.gate.restart();
    follow(entry.progress, config.control_channel, config.control_stream_id);
}

bool ConsumerRegistry::follow(std::unique_ptr<messaging::Publication>& publication,
                              const std::string& channel, std::uint32_t stream_id) {
    constexpr std::uint32_t kMaxId = std::numeric_limits<std::int32_t>::max();
    const bool wanted = options_.per_consumer.enabled && !channel.empty() && stream_id != 0;
    const bool served = wanted && stream_id <= kMaxId &&
                        messaging::is_consumer_channel(channel, context_.messaging().backend() == "embedded");
    if (served && publication != nullptr && publication->channel() == channel &&
        publication->stream_id() == static_cast<std::int32_t>(stream_id)) {
        return true;
    }
    close(publication);
    if (!served) {
        if (wanted) ++counters_.consumer_streams_failed;
        return !wanted;
    }
    try {
        publication = context_.messaging().add_publication(channel, static_cast<std::int32_t>(stream_id));
        ++counters_.consumer_streams_opened;
        base::log_with(LogLevel::Info, kModule,
                       {{"stream_id", options_.stream_id},
                        {"channel", std::string_view(channel)},
                        {"assigned_stream_id", stream_id}},
                       "stream {}: opened {} {} for one consumer", options_.stream_id, channel, stream_id);
        return true;
    } catch (const std::exception& error) {
        ++counters_.consumer_streams_failed;
        base::log(LogLevel::Warn, kModule, "stream {}: cannot open {} {} for one consumer: {}",
                  options_.stream_id, channel, stream_id, error.what());
        return false;
    }
}

void ConsumerRegistry::close(std::unique_ptr<messaging::Publication>& publication) noexcept {
    if (publication == nullptr) return;
    publication.reset();
    ++counters_.consumer_streams_closed;
}

// ---- who is there -----------------------------------------------------------------------------------------

ConsumerRegistry::Entry* ConsumerRegistry::find(std::uint32_t consumer_id) noexcept {
    for (const auto& entry : entries_) {
        if (entry->consumer_id == consumer_id) return entry.get();
    }
    return nullptr;
}

ConsumerRegistry::Entry* ConsumerRegistry::entry_of(std::uint32_t consumer_id) {
    if (Entry* const known = find(consumer_id)) return known;
    if (entries_.size() >= options_.max_consumers) {
        ++counters_.consumers_refused_full;
        return nullptr;
    }
    Entry& fresh = *entries_.emplace_back(std::make_unique<Entry>());
    fresh.consumer_id = consumer_id;
    fresh.heard_ns = now_ns_;
    return &fresh;
}

void ConsumerRegistry::remove(std::size_t index) noexcept {
    Entry& entry = *entries_[index];
    close(entry.descriptors);
    close(entry.progress);
    issuer_.release(options_.stream_id, entry.consumer_id);
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(index));
}

int ConsumerRegistry::remove_stale() noexcept {
    const std::size_t before = entries_.size();
    for (std::size_t i = entries_.size(); i-- > 0;) {
        if (now_ns_ - entries_[i]->heard_ns <= stale_after_ns_) continue;
        const Nanos silent_ns = now_ns_ - entries_[i]->heard_ns;
        base::log_with(LogLevel::Warn, kModule,
                       {{"stream_id", options_.stream_id},
                        {"consumer_id", entries_[i]->consumer_id},
                        {"silent_ns", silent_ns}},
                       "stream {}: consumer {} is silent for {} ms", options_.stream_id,
                       entries_[i]->consumer_id, silent_ns / kNanosPerMilli);
        remove(i);
        ++counters_.consumers_stale;
    }
    if (entries_.size() != before) reconsider();
    return static_cast<int>(before - entries_.size());
}

void ConsumerRegistry::reconsider() noexcept {
    with_descriptors_.clear();
    with_progress_.clear();
    progress_consumers_ = 0;
    shared_progress_ = false;
    const ProgressLimits& own = options_.progress;
    constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
    Nanos interval_ns = std::numeric_limits<Nanos>::max();
    std::uint32_t bytes = kNone;
    std::uint32_t units = kNone;
    for (const auto& entry : entries_) {
        if (entry->descriptors != nullptr) with_descriptors_.push_back(entry.get());
        if (!entry->wants_progress) continue;
        ++progress_consumers_;
        if (entry->progress != nullptr) {
            with_progress_.push_back(entry.get());
        } else {
            shared_progress_ = true;
        }
        interval_ns =
            std::min(interval_ns, entry->interval_us ? Nanos{*entry->interval_us} * 1000 : own.interval_ns);
        bytes = std::min(bytes, entry->bytes_delta.value_or(own.bytes_delta));
        const std::uint32_t wanted =
            entry->major_delta_units != 0 ? entry->major_delta_units : own.major_delta_units;
        if (wanted != 0) units = std::min(units, wanted);
    }
    limits_ = own;
    if (progress_consumers_ == 0) return;
    limits_.interval_ns = std::max(interval_ns, own.least_interval_ns);
    limits_.bytes_delta = std::max(bytes, own.least_bytes_delta);
    limits_.major_delta_units = units == kNone ? 0 : units;
}

}  // namespace tensorpool::producer
