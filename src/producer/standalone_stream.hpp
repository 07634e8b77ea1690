// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/context.hpp>
#include <tensorpool/producer.hpp>

#include "base/timer.hpp"
#include "control/publisher.hpp"
#include "shm/stream_files.hpp"

#include <memory>

namespace tensorpool::producer {

/// The owner's duties of a producer that works without a driver: fresh files for one epoch, announces at the
/// announce period, activity stamps, and the files' end (WIRE-063, WIRE-064, WIRE-070, WIRE-140).
class StandaloneStream {
public:
    /// Creates the epoch. Throws Error when the layout is invalid or the files do not fit.
    StandaloneStream(Context& context, const ProducerOptions& options, Nanos now_ns);
    ~StandaloneStream();
    StandaloneStream(const StandaloneStream&) = delete;
    StandaloneStream& operator=(const StandaloneStream&) = delete;

    [[nodiscard]] const std::shared_ptr<shm::StreamMapping>& mapping() const noexcept { return mapping_; }
    [[nodiscard]] std::uint64_t epoch() const noexcept { return mapping_->layout().epoch; }

    /// Announces and stamps when due; adds the announces sent to `announced`.
    int do_work(Nanos now_ns, std::uint64_t& announced) noexcept;
    /// Announces in the next cycle, whatever the timer says.
    void announce_soon() noexcept { timer_.trigger(); }

private:
    shm::StreamPaths paths_;
    bool unlink_on_close_;
    std::shared_ptr<shm::StreamMapping> mapping_;
    control::PoolAnnounce announce_;
    control::ControlPublisher publisher_;
    base::PeriodicTimer timer_;
    bool was_connected_ = false;
};

}  // namespace tensorpool::producer
