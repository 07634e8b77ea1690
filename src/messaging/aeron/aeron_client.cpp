// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron/aeron_client.hpp"

#include "messaging/aeron/core.hpp"
#include "messaging/aeron/counter.hpp"
#include "messaging/aeron/publication.hpp"
#include "messaging/aeron/subscription.hpp"
#include "messaging/channel_uri.hpp"
#include "messaging/embedded/waiter.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace tensorpool::messaging {
namespace aeron {
namespace {

constexpr std::size_t kDefaultTermBytes = 64U << 20;
constexpr Nanos kLongestSleepNs = 3600 * kNanosPerSecond;
// Aeron has nothing to sleep on: after a moment of looking, naps that grow up to the time that a message may
// well be late.
constexpr int kLooksBeforeNap = 64;
constexpr Nanos kLooksNs = 5'000;  // there may be hundreds of images to look at
constexpr Nanos kFirstNapNs = 20'000;
constexpr Nanos kLongestNapNs = kNanosPerMilli;

void cpu_relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb");
#endif
}

class AeronClient final : public Client {
public:
    explicit AeronClient(const AeronOptions& options) : core_(std::make_shared<Core>(options)) {}

    [[nodiscard]] std::unique_ptr<Publication> add_publication(const std::string& channel,
                                                               std::int32_t stream_id) override {
        const auto term = ChannelUri::parse(channel).term_length_bytes();
        return std::make_unique<AeronPublication>(core_, channel, stream_id,
                                                  term.value_or(kDefaultTermBytes));
    }
    [[nodiscard]] std::unique_ptr<Subscription> add_subscription(const std::string& channel,
                                                                 std::int32_t stream_id) override {
        (void)ChannelUri::parse(channel).term_length_bytes();
        return std::make_unique<AeronSubscription>(core_, channel, stream_id);
    }

    [[nodiscard]] std::unique_ptr<Counter> add_counter(std::int32_t type_id, std::span<const std::byte> key,
                                                       std::string_view label) override {
        return std::make_unique<AeronCounter>(core_, type_id, key, label);
    }
    void for_each_counter(CounterHandler handler) override {
        const std::shared_ptr<Session> session = core_->session();
        if (session == nullptr) throw Error(ErrorCode::MessagingError, "Aeron: no media driver, no counters");
        read_counters(*session, handler);
    }

    int do_work(Nanos now_ns) noexcept override { return core_->do_work(now_ns); }
    bool wait(std::span<Subscription* const> subscriptions, Nanos timeout_ns) noexcept override;
    void wake() noexcept override { core_->wake(); }
    [[nodiscard]] std::string_view backend() const noexcept override { return "aeron"; }

private:
    std::shared_ptr<Core> core_;
};

bool any_pending(std::span<Subscription* const> subscriptions) noexcept {
    return std::any_of(subscriptions.begin(), subscriptions.end(), [](Subscription* subscription) {
        return static_cast<AeronSubscription*>(subscription)->pending();
    });
}

bool AeronClient::wait(std::span<Subscription* const> subscriptions, Nanos timeout_ns) noexcept {
    const std::uint32_t wakes = base::load_acquire(core_->wake_word());
    for (Subscription* each : subscriptions) {
        // A wake() since the last wait() must not be lost, though nobody slept when it came.
        if (std::exchange(static_cast<AeronSubscription*>(each)->seen_wakes, wakes) != wakes) return true;
    }
    const Nanos start_ns = monotonic_now_ns();
    for (int look = 0; look < kLooksBeforeNap; ++look) {
        if (any_pending(subscriptions)) return true;
        if (monotonic_now_ns() - start_ns > kLooksNs) break;
        cpu_relax();
    }
    const Nanos deadline = start_ns + std::clamp<Nanos>(timeout_ns, 0, kLongestSleepNs);
    const std::array<embedded::WaitWord, 1> word{{{&core_->wake_word(), wakes}}};
    for (Nanos nap_ns = kFirstNapNs;; nap_ns = std::min(2 * nap_ns, kLongestNapNs)) {
        core_->nudge();
        if (any_pending(subscriptions)) return true;
        const Nanos now_ns = monotonic_now_ns();
        if (now_ns >= deadline) return false;
        embedded::wait_on(word, std::min(deadline, now_ns + nap_ns));
        if (base::load_acquire(core_->wake_word()) != wakes) return true;
    }
}

}  // namespace
}  // namespace aeron

bool has_aeron() noexcept {
    return true;
}

std::string default_aeron_dir() {
    if (const char* dir = std::getenv("AERON_DIR"); dir != nullptr && *dir != '\0') return dir;
    std::array<char, 4096> path{};
    const int length = ::aeron_default_path(path.data(), path.size());
    return length > 0 ? std::string(path.data()) : std::string("/dev/shm/aeron");
}

std::unique_ptr<Client> make_aeron_client(const AeronOptions& options) {
    return std::make_unique<aeron::AeronClient>(options);
}

}  // namespace tensorpool::messaging
