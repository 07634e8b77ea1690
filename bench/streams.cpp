// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include <sys/mman.h>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

namespace tensorpool::bench {

ContextOptions context_on(const ScratchDir& dir) {
    ContextOptions options;
    options.messaging_dir = dir.sub("messages");
    return options;
}

ProducerOptions producer_on(const ScratchDir& dir, std::uint32_t stream_id, std::uint32_t nslots,
                            std::uint32_t stride_bytes) {
    ProducerOptions options;
    options.stream_id = stream_id;
    options.endpoints.descriptor.stream_id = static_cast<std::int32_t>(1100 + stream_id);
    options.endpoints.announce.stream_id = static_cast<std::int32_t>(2100 + stream_id);
    options.endpoints.control.stream_id = static_cast<std::int32_t>(3100 + stream_id);
    StandaloneLayout layout;
    layout.base_dir = dir.path();
    layout.header_nslots = nslots;
    layout.pools = {{1, stride_bytes}};
    options.standalone = layout;
    options.announce_period_ns = 20 * kNanosPerMilli;  // so that both ends meet soon
    return options;
}

ConsumerOptions consumer_on(const ScratchDir& dir, std::uint32_t stream_id) {
    ConsumerOptions options;
    options.stream_id = stream_id;
    options.use_driver = false;
    options.allowed_base_dirs = {dir.path()};
    options.endpoints = producer_on(dir, stream_id, 2, 64).endpoints;
    return options;
}

FrameInfo frame_of(std::uint32_t bytes) {
    FrameInfo info;
    info.tensor.dtype = Dtype::UInt8;
    info.tensor.ndims = 1;
    info.tensor.dims[0] = static_cast<std::int32_t>(bytes);
    info.values_len_bytes = bytes;
    info.timestamp_ns = 1;
    return info;
}

PlainMapping::PlainMapping(const std::string& path, std::size_t bytes) : bytes_(bytes) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(bytes)) != 0)
        throw std::runtime_error("cannot make " + path);
    base_ = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    ::close(fd);
    if (base_ == MAP_FAILED) throw std::runtime_error("cannot map " + path);
}

PlainMapping::~PlainMapping() {
    ::munmap(base_, bytes_);
}

}  // namespace tensorpool::bench
