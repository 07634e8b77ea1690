// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include <tensorpool/driver.hpp>
#include <tensorpool/driver_session.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

// Figure 5, second half: what a driver costs while ten attached streams need nothing but keepalives.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kStreams = 10;
constexpr std::uint32_t kFirstStream = 10000;

struct Report {
    Gate gate;
    double cpu_share = 0;
    double resident_bytes = 0;  // of it, what is not shared memory
};

DriverConfig config_on(const ScratchDir& dir) {
    DriverConfig config;
    config.shm.base_dir = dir.sub("shm");
    config.policies.cleanup_shm_on_exit = true;
    config.profiles = {
        {.name = "small", .header_nslots = 8, .payload_pools = {{.pool_id = 1, .stride_bytes = 4096}}}};
    for (std::uint32_t i = 0; i < kStreams; ++i)
        config.streams.push_back({"s" + std::to_string(i), kFirstStream + i, "small"});
    return config;
}

double resident_bytes() {
    unsigned long total = 0;
    unsigned long resident = 0;
    unsigned long shared = 0;
    std::FILE* const file = std::fopen("/proc/self/statm", "re");
    if (file == nullptr) return 0;
    const int fields = std::fscanf(file, "%lu %lu %lu", &total, &resident, &shared);
    std::fclose(file);
    return fields == 3 ? static_cast<double>(resident - shared) * 4096 : 0;
}

/// The driver as `tp driver` runs it. Measures itself between go and stop.
void serve(const ScratchDir& dir, Report& report) {
    pin_to(1);
    Context context(context_on(dir));
    Driver driver(context, config_on(dir));
    report.gate.ready.store(1);
    CpuShare share(report.gate);
    while (report.gate.stop.load() == 0) {
        if (driver.do_work(monotonic_now_ns()) == 0) driver.wait(20 * kNanosPerMilli);
        share.look();
    }
    report.cpu_share = share.value();
    report.resident_bytes = resident_bytes();
}

}  // namespace

void driver_group(const Options& options, Results& results) {
    ScratchDir dir;
    SharedMemory shared(sizeof(Report));
    auto* report = new (shared.as<Report>()) Report;
    pin_to(0);
    ChildProcess driver([&] { serve(dir, *report); });
    Context context(context_on(dir));
    std::vector<std::unique_ptr<DriverSession>> sessions;
    drive_until([](Nanos) {}, [&] { return report->gate.ready.load() == 1; });
    for (std::uint32_t i = 0; i < kStreams; ++i) {
        DriverSessionOptions session;
        session.stream_id = kFirstStream + i;
        session.role = Role::Producer;
        sessions.push_back(std::make_unique<DriverSession>(context, session));
        sessions.back()->await_attach(monotonic_now_ns() + 10 * kNanosPerSecond);
    }
    report->gate.go.store(1);
    const Nanos end = monotonic_now_ns() + (options.quick ? 3 : 10) * kNanosPerSecond;
    while (monotonic_now_ns() < end) {
        for (auto& session : sessions) session->do_work(monotonic_now_ns());
        const timespec nap{0, 20 * kNanosPerMilli};
        ::nanosleep(&nap, nullptr);
    }
    report->gate.stop.store(1);
    driver.join();
    results.add("driver_idle_cpu_percent", report->cpu_share * 100, "%",
                "ten attached streams, keepalives only");
    results.add("driver_resident_mib", report->resident_bytes / (1 << 20), "MiB", "without shared memory");
}

}  // namespace tensorpool::bench
