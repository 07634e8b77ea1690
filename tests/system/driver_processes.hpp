// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/eventually.hpp"
#include "support/forked_child.hpp"
#include "support/messaging_choice.hpp"
#include "support/rounds.hpp"
#include "support/temp_dir.hpp"

#include <tensorpool/driver.hpp>
#include <tensorpool/driver_session.hpp>

#include <gtest/gtest.h>

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// A driver and its clients, each in a process of its own, with short leases, to be killed there.
namespace tensorpool::test {

inline constexpr std::uint32_t kLeaseStream = 10000;
inline constexpr std::uint32_t kEpochsKept = 2;

/// A value that the test and all processes forked by it share. `T` holds lock-free atomics.
template <typename T>
class Shared {
public:
    Shared() {
        void* memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::runtime_error("mmap failed");
        value_ = new (memory) T();
    }
    ~Shared() { ::munmap(value_, sizeof(T)); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    T* operator->() const noexcept { return value_; }
    T& operator*() const noexcept { return *value_; }

private:
    T* value_;
};

/// What one client process tells about itself.
struct ClientReport {
    std::atomic<std::uint64_t> attached_epoch{0};  ///< of the lease held now; 0: none
    std::atomic<std::uint64_t> highest_epoch{0};   ///< ever granted to it
    std::atomic<std::uint64_t> leases{0};          ///< granted to it
    std::atomic<std::uint64_t> went_back{0};       ///< leases whose epoch was not above the ones before
};

/// What the driver process tells about itself.
struct DriverReport {
    std::atomic<std::uint64_t> leases{0};
    std::atomic<std::uint64_t> expired{0};
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> collected{0};
    std::atomic<std::uint64_t> internal_errors{0};
};

inline std::mt19937_64 printed_seed() {
    const std::uint64_t seed = std::random_device{}();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    return std::mt19937_64(seed);
}

inline ContextOptions messaging_in(const TempDir& dir) {
    return messaging_options_in(dir);
}

inline DriverConfig driver_config_in(const TempDir& dir) {
    DriverConfig config;
    config.shm.base_dir = dir.str() + "/shm";
    config.policies.announce_period_ms = 20;
    config.policies.lease_keepalive_interval_ms = 20;
    config.policies.lease_expiry_grace_intervals = 3;
    config.policies.epoch_gc_keep = kEpochsKept;
    config.policies.epoch_gc_on_startup = true;
    config.policies.shutdown_timeout_ms = 0;
    config.policies.cleanup_shm_on_exit = true;
    config.profiles = {
        {.name = "raw",
         .header_nslots = 16,
         .payload_pools = {{.pool_id = 1, .stride_bytes = 4096}, {.pool_id = 2, .stride_bytes = 65536}}}};
    config.streams = {{.name = "cam", .stream_id = kLeaseStream, .profile = "raw"}};
    return config;
}

inline DriverSessionOptions session_options(Role role) {
    DriverSessionOptions options;
    options.stream_id = kLeaseStream;
    options.role = role;
    options.keepalive_interval_ns = 15 * kNanosPerMilli;
    options.announce_period_ns = 20 * kNanosPerMilli;
    options.attach_timeout_ns = 20 * kNanosPerMilli;
    options.backoff_initial_ns = 2 * kNanosPerMilli;
    options.backoff_max_ns = 20 * kNanosPerMilli;
    return options;
}

inline void nap() {
    std::this_thread::sleep_for(
        std::chrono::microseconds(500));  // shares the processor; no test counts on it
}

/// Runs a driver until `stop`, then ends it in order.
inline int run_driver(const TempDir& dir, DriverReport& report, const std::atomic<bool>& stop) {
    Context context(messaging_in(dir));
    Driver driver(context, driver_config_in(dir));
    while (!stop.load()) {
        driver.do_work(monotonic_now_ns());
        report.leases = driver.status().lease_count;
        report.expired = driver.counters().leases_expired;
        report.accepted = driver.counters().attach_accepted;
        report.collected = driver.counters().epochs_collected;
        report.internal_errors = driver.counters().internal_errors;
        driver.wait(kNanosPerMilli);
    }
    return 0;
}

/// Keeps a lease until `stop`, then gives it back.
inline int run_client(const TempDir& dir, Role role, ClientReport& report, const std::atomic<bool>& stop) {
    Context context(messaging_in(dir));
    DriverSession session(context, session_options(role));
    session.request_attach();
    std::uint64_t generation = 0;
    while (!stop.load()) {
        session.do_work(monotonic_now_ns());
        const Attachment* const lease = session.attachment();
        if (lease != nullptr && session.generation() != generation) {
            generation = session.generation();
            const std::uint64_t before = report.highest_epoch.load();
            // A producer's lease always begins a new epoch; a consumer's may share one with the lease before.
            const bool above = role == Role::Producer ? lease->epoch > before : lease->epoch >= before;
            if (!above) ++report.went_back;
            report.highest_epoch = std::max(before, lease->epoch);
            ++report.leases;
        }
        report.attached_epoch = lease != nullptr ? lease->epoch : 0;
        nap();
    }
    session.await_detach(monotonic_now_ns() + kNanosPerSecond);
    return 0;
}

inline std::vector<std::string> paths_below(const std::filesystem::path& dir) {
    std::vector<std::string> paths;
    std::error_code error;  // what is being removed meanwhile is skipped
    for (std::filesystem::recursive_directory_iterator it(dir, error), end; !error && it != end;
         it.increment(error))
        paths.push_back(it->path().string());
    return paths;
}

/// Epoch directories of the stream right now.
inline std::size_t epochs_on_disk(const TempDir& dir) {
    const auto paths = paths_below(dir.path() / "shm");
    return static_cast<std::size_t>(std::ranges::count_if(paths, [](const std::string& path) {
        const std::filesystem::path parent = std::filesystem::path(path).parent_path();
        return parent.filename() == std::to_string(kLeaseStream);
    }));
}

inline void pause_up_to(std::mt19937_64& random, Nanos most_ns) {
    const Nanos end = monotonic_now_ns() + std::uniform_int_distribution<Nanos>(0, most_ns)(random);
    while (monotonic_now_ns() < end) std::this_thread::yield();
}

}  // namespace tensorpool::test
