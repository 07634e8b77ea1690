// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Two processes: the parent publishes as fast as it can, the child always takes the newest frame.

#include <tensorpool/consumer.hpp>
#include <tensorpool/producer.hpp>

#include "common/private_directory.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <iostream>

namespace tp = tensorpool;

int read_newest(tp::Context& context, const std::string& base_dir) {
    tp::Consumer consumer(context, {.stream_id = 10000,
                                    .use_driver = false,
                                    .delivery = tp::Delivery::LatestOnly,
                                    .allowed_base_dirs = {base_dir}});
    const tp::Nanos deadline = tp::monotonic_now_ns() + 30 * tp::kNanosPerSecond;
    consumer.await_ready(deadline);

    const tp::ConsumerCounters& seen = consumer.counters();
    while (seen.frames_delivered < 100 || seen.skipped_latest_only == 0) {
        if (tp::monotonic_now_ns() > deadline) return 1;
        consumer.do_work(tp::monotonic_now_ns());
        if (consumer.poll([](const tp::Frame&) {}) == 0) consumer.wait(tp::kNanosPerMilli);
    }
    std::cout << "child: " << seen.frames_delivered << " frames delivered, " << seen.skipped_latest_only
              << " skipped for newer ones" << std::endl;
    return 0;
}

int main() {
    const examples::PrivateDirectory dir;
    const pid_t child = ::fork();  // before there is a context: a process makes its own
    tp::Context context({.messaging_dir = dir.messaging()});
    if (child == 0) ::_exit(read_newest(context, dir.path()));

    tp::Producer producer(
        context, {.stream_id = 10000,
                  .standalone = tp::StandaloneLayout{.base_dir = dir.path(), .pools = {{1, 1 << 16}}}});
    const tp::FrameInfo info{.tensor = tp::image_layout(tp::Dtype::UInt8, 256, 256),
                             .values_len_bytes = 1 << 16};
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        producer.do_work(tp::monotonic_now_ns());
        if (auto claim = producer.try_claim(1 << 16)) claim->commit(info);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
