// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include "control/publisher.hpp"
#include "messaging/messaging.hpp"

#include <tensorpool/supervisor.hpp>

#include <new>
#include <stdexcept>

// What a supervisor costs that hears a hundred producers and four hundred consumers once a second each.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kStreams = 100;
constexpr std::uint32_t kConsumersPerStream = 4;
constexpr std::uint32_t kSteps = 100;  // of a second: the peers do not speak all at once
constexpr Nanos kStep = kNanosPerSecond / kSteps;
constexpr double kTargetPercent = 5;

struct Report {
    Gate gate;
    std::atomic<std::uint64_t> known{0};
    double cpu_share = 0;
};

/// As `tp supervisor` runs it. Measures itself between go and stop.
void supervise(const ScratchDir& dir, Report& report) {
    pin_to(1);
    Context context(context_on(dir));
    SupervisorOptions options;
    options.capacity = std::size_t{kStreams} * kConsumersPerStream;
    Supervisor supervisor(context, options);
    report.gate.ready.store(1);
    CpuShare share(report.gate);
    while (report.gate.stop.load() == 0) {
        if (supervisor.do_work(monotonic_now_ns()) == 0) context.messaging().wait({}, 10 * kNanosPerMilli);
        report.known.store(supervisor.producers().size() + supervisor.consumers().size());
        share.look();
    }
    report.cpu_share = share.value();
}

/// Everybody's voice.
class Peers {
public:
    explicit Peers(Context& context)
        : control_(context.messaging().add_publication(at_.control.channel, at_.control.stream_id)),
          qos_(context.messaging().add_publication(at_.qos.channel, at_.qos.stream_id)) {}

    /// The streams whose turn it is: one in a hundred.
    void speak(std::uint32_t step, std::uint64_t seq) {
        for (std::uint32_t stream = 1 + step % kSteps; stream <= kStreams; stream += kSteps) {
            control::PoolAnnounce announce;
            announce.stream_id = stream;
            announce.producer_id = stream;
            announce.epoch = 1;
            announce.header_nslots = 64;
            announce.header_region_uri = "shm:file?path=/dev/shm/tensorpool-bench/default/1/1/header.ring";
            announce.pools = {{1, 64, 4096, "shm:file?path=/dev/shm/tensorpool-bench/default/1/1/1.pool"}};
            send(control_, announce);
            control::QosProducer producer;
            producer.stream_id = stream;
            producer.producer_id = stream;
            producer.epoch = 1;
            producer.current_seq = seq;
            send(qos_, producer);
            for (std::uint32_t i = 1; i <= kConsumersPerStream; ++i) {
                control::ConsumerHello hello;
                hello.stream_id = stream;
                hello.consumer_id = i;
                send(control_, hello);
                control::QosConsumer consumer;
                consumer.stream_id = stream;
                consumer.consumer_id = i;
                consumer.epoch = 1;
                consumer.last_seq_seen = seq;
                send(qos_, consumer);
            }
        }
    }

private:
    template <typename Message>
    static void send(control::ControlPublisher& publisher, const Message& message) {
        if (!publisher.send(message)) throw std::runtime_error("supervisor: a message was refused");
    }
    const StreamEndpoints at_;
    control::ControlPublisher control_;
    control::ControlPublisher qos_;
};

}  // namespace

void supervisor_group(const Options& options, Results& results) {
    ScratchDir dir;
    SharedMemory shared(sizeof(Report));
    auto* report = new (shared.as<Report>()) Report;
    pin_to(0);
    ChildProcess supervisor([&] { supervise(dir, *report); });
    Context context(context_on(dir));
    drive_until([](Nanos) {}, [&] { return report->gate.ready.load() == 1; });
    Peers peers(context);
    const std::uint32_t seconds = options.quick ? 3 : 8;
    Nanos next = monotonic_now_ns();
    for (std::uint32_t step = 0; step < (seconds + 1) * kSteps; ++step) {
        if (step == kSteps) report->gate.go.store(1);  // everybody is known by now
        peers.speak(step, step);
        next += kStep;
        const timespec until{next / kNanosPerSecond, next % kNanosPerSecond};
        ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    }
    const std::uint64_t known = report->known.load();
    report->gate.stop.store(1);
    supervisor.join();
    if (known != kStreams * (1 + kConsumersPerStream))
        throw std::runtime_error("supervisor: it does not know everybody");
    results.add("supervisor_cpu_percent", report->cpu_share * 100, "%",
                report->cpu_share * 100 <= kTargetPercent ? "100 streams, 400 consumers; at most 5"
                                                          : "100 streams, 400 consumers; MISSED: at most 5");
}

}  // namespace tensorpool::bench
