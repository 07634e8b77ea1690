// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/embedded_client.hpp"

#include "messaging/channel_uri.hpp"
#include "messaging/embedded/core.hpp"
#include "messaging/embedded/publication.hpp"
#include "messaging/embedded/subscription.hpp"
#include "messaging/embedded/waiter.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <vector>

namespace tensorpool::messaging {
namespace embedded {
namespace {

constexpr Nanos kLongestSleep = 3600 * kNanosPerSecond;
// Longer than a timer tick, so that arming the timeout costs nothing.
constexpr Nanos kNapNs = 5 * kNanosPerMilli;
constexpr int kLooksBeforeNap = 8;

/// Checks the channel and returns its term length.
std::uint64_t check_channel(const std::string& channel) {
    const ChannelUri uri = ChannelUri::parse(channel);
    if (uri.media != "ipc") {
        throw Error(ErrorCode::Unsupported,
                    fmt::format("channel \"{}\": the embedded messaging stays on one host; use Aeron for udp "
                                "(messaging = \"aeron\")",
                                channel));
    }
    const std::uint64_t term = uri.term_length_bytes().value_or(kDefaultTermBytes);
    if (!std::has_single_bit(term) || term < kMinTermBytes || term > kMaxTermBytes) {
        throw Error(
            ErrorCode::InvalidConfig,
            fmt::format(
                "channel \"{}\": term-length must be a power of two from 64k to 1g; the next that "
                "fits is {}",
                channel,
                term >= kMaxTermBytes ? kMaxTermBytes : std::max(kMinTermBytes, std::bit_ceil(term))));
    }
    return term;
}

class EmbeddedCounter final : public Counter {
public:
    EmbeddedCounter(std::shared_ptr<Core> core, std::shared_ptr<CountersFile> file, std::uint32_t index)
        : Counter(file->value(index)), core_(std::move(core)), file_(std::move(file)), index_(index) {}
    ~EmbeddedCounter() override { file_->release(index_); }

private:
    std::shared_ptr<Core> core_;  // whose directory the file removes itself from
    std::shared_ptr<CountersFile> file_;
    std::uint32_t index_;
};

class EmbeddedClient final : public Client {
public:
    explicit EmbeddedClient(std::shared_ptr<Core> core) : core_(std::move(core)) {
        // Now rather than at the first add_*: a wrong directory is a configuration error.
        const auto lock = core_->directory().lock();
    }
    ~EmbeddedClient() override { core_->remove_directory_if_unused(); }

    [[nodiscard]] std::unique_ptr<Publication> add_publication(const std::string& channel,
                                                               std::int32_t stream_id) override {
        return std::make_unique<EmbeddedPublication>(core_, channel, stream_id, check_channel(channel));
    }

    [[nodiscard]] std::unique_ptr<Subscription> add_subscription(const std::string& channel,
                                                                 std::int32_t stream_id) override {
        check_channel(channel);
        return std::make_unique<EmbeddedSubscription>(core_, channel, stream_id);
    }

    [[nodiscard]] std::unique_ptr<Counter> add_counter(std::int32_t type_id, std::span<const std::byte> key,
                                                       std::string_view label) override {
        const std::shared_ptr<CountersFile> file = core_->counters();
        return std::make_unique<EmbeddedCounter>(core_, file, file->allocate(type_id, key, label));
    }
    void for_each_counter(CounterHandler handler) override { core_->for_each_counter(handler); }

    int do_work(Nanos now_ns) noexcept override { return core_->check_peers(now_ns); }
    bool wait(std::span<Subscription* const> subscriptions, Nanos timeout_ns) noexcept override;
    void wake() noexcept override { core_->wake(); }
    [[nodiscard]] std::string_view backend() const noexcept override { return "embedded"; }

private:
    std::shared_ptr<Core> core_;
};

bool any_pending(std::span<Subscription* const> subscriptions) noexcept {
    for (Subscription* subscription : subscriptions) {
        if (static_cast<EmbeddedSubscription*>(subscription)->pending()) return true;
    }
    return false;
}

void cpu_relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb");
#endif
}

/// Looks for as long as a message may take to leave its publisher's store buffer.
bool spin_for_pending(std::span<Subscription* const> subscriptions) noexcept {
    for (int look = 0; look < kLooksBeforeNap; ++look) {
        if (any_pending(subscriptions)) return true;
        cpu_relax();
    }
    return false;
}

// The numbers are those of waiter.hpp.
bool EmbeddedClient::wait(std::span<Subscription* const> subscriptions, Nanos timeout_ns) noexcept {
    std::array<WaitWord, kMaxWaitWords> words;
    std::size_t count = 0;
    const std::uint32_t wakes = base::load_acquire(core_->wake_word());
    words[count++] = {&core_->wake_word(), wakes};
    bool relaxed_writers = false;
    bool too_many = false;
    for (Subscription* each : subscriptions) {
        auto* subscription = static_cast<EmbeddedSubscription*>(each);
        // A wake() since the last wait() must not be lost, though nobody slept when it came.
        if (std::exchange(subscription->seen_wakes, wakes) != wakes) return true;
        relaxed_writers |= subscription->has_relaxed_writer();
        too_many |= count == words.size();
        if (count < words.size()) {
            words[count++] = {&subscription->wake_word(), announce_sleeper(subscription->wake_word())};  // 1
        }
    }
    base::fence_seq_cst();                             // 2, pairs with the publishers' fence b
    if (spin_for_pending(subscriptions)) return true;  // 3
    const Nanos deadline = monotonic_now_ns() + std::clamp<Nanos>(timeout_ns, 0, kLongestSleep);
    const std::span watched(words.data(), count);
    if (!relaxed_writers && !too_many) return wait_on(watched, deadline) || any_pending(subscriptions);  // 4
    // The remote barrier interrupts every publisher that is running, which would cost a busy exchange more
    // than the sleep. A short nap first needs none: a message missed for want of the barrier waits no longer
    // than that.
    const Nanos nap_end = monotonic_now_ns() + kNapNs;
    if (wait_on(watched, std::min(nap_end, deadline)) || any_pending(subscriptions)) return true;
    if (deadline <= nap_end) return false;
    if (too_many || !remote_barrier()) return true;  // 2; else nap again
    return any_pending(subscriptions) || wait_on(watched, deadline) || any_pending(subscriptions);  // 3, 4
}

std::string user_name() {
    const uid_t uid = ::geteuid();
    std::vector<char> buffer(4096);
    passwd entry{};
    passwd* found = nullptr;
    std::string name;
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
        for (const char c : std::string_view(found->pw_name)) {
            const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                               c == '-' || c == '_';
            name += plain ? c : '_';
        }
    }
    return name.empty() ? fmt::format("uid{}", uid) : name;
}

}  // namespace
}  // namespace embedded

std::string default_embedded_dir() {
    if (const char* dir = std::getenv("TP_MESSAGING_DIR"); dir != nullptr && *dir != '\0') return dir;
    return "/dev/shm/tensorpool-messaging-" + embedded::user_name();
}

std::unique_ptr<Client> make_embedded_client(const EmbeddedOptions& options) {
    const Clock& clock = options.clock != nullptr ? *options.clock : system_clock();
    return std::make_unique<embedded::EmbeddedClient>(
        std::make_shared<embedded::Core>(options.dir.empty() ? default_embedded_dir() : options.dir,
                                         options.group_access, clock, options.liveness_interval_ns));
}

}  // namespace tensorpool::messaging
