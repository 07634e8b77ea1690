// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/counters_file.hpp"

#include "messaging/embedded/file_lock.hpp"
#include "messaging/embedded/system_error.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

namespace tensorpool::messaging::embedded {
namespace {

constexpr const char* kDirectoryName = "counters";
constexpr off_t kLivenessLock = 0;

using FileName = std::array<char, 40>;

struct Identity {
    unsigned slot = 0;
    std::uint64_t session = 0;
};

FileName file_name(const Identity& identity) noexcept {
    FileName name{};
    std::snprintf(name.data(), name.size(), "process-%04u-%016" PRIx64, identity.slot % 10000,
                  identity.session);
    return name;
}

std::optional<Identity> parse_file_name(const char* name) noexcept {
    Identity identity;
    if (std::sscanf(name, "process-%4u-%16" SCNx64, &identity.slot, &identity.session) != 2)
        return std::nullopt;
    if (identity.slot >= kCounterFiles || std::strcmp(name, file_name(identity).data()) != 0)
        return std::nullopt;
    return identity;
}

base::UniqueFd open_counters_dir(int dir_fd) noexcept {
    return base::UniqueFd(::openat(dir_fd, kDirectoryName, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// The counters files by slot; at most one of a slot lives.
std::vector<Identity> list(int counters_fd) {
    std::vector<Identity> found;
    const int fd = ::openat(counters_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* entries = fd < 0 ? nullptr : ::fdopendir(fd);
    if (entries == nullptr) {
        if (fd >= 0) ::close(fd);
        return found;
    }
    while (const dirent* entry = ::readdir(entries)) {
        if (const auto identity = parse_file_name(entry->d_name)) found.push_back(*identity);
    }
    ::closedir(entries);
    std::sort(found.begin(), found.end(), [](const Identity& a, const Identity& b) {
        return a.slot != b.slot ? a.slot < b.slot : a.session < b.session;
    });
    return found;
}

base::UniqueFd open_file(int counters_fd, const Identity& identity) noexcept {
    return base::UniqueFd(
        ::openat(counters_fd, file_name(identity).data(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

bool is_alive(int fd) noexcept {
    return locked_by_other(fd, kLivenessLock, 1);
}

/// Calls `visit(identity, fd)` for every counters file that can be opened.
template <typename Visit>
void visit_files(const base::UniqueFd& counters, Visit&& visit) {
    if (!counters) return;
    for (const Identity& identity : list(counters.get())) {
        if (const base::UniqueFd fd = open_file(counters.get(), identity)) visit(identity, fd.get());
    }
}

bool read_exactly(int fd, void* to, std::size_t bytes, off_t offset) noexcept {
    auto* out = static_cast<std::byte*>(to);
    while (bytes > 0) {
        const ssize_t got = ::pread(fd, out, bytes, offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        out += got, bytes -= static_cast<std::size_t>(got), offset += got;
    }
    return true;
}

/// The number of records worth reading; 0 when this is no counters file.
std::uint32_t used_records(int fd, const Identity& identity) noexcept {
    struct stat status {};
    CountersHeader header;
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
    if (!read_exactly(fd, &header, sizeof(header), 0)) return 0;
    if (header.magic != kCountersMagic || header.version != kCountersVersion ||
        header.session != identity.session || header.capacity > kCounterCapacity) {
        return 0;
    }
    // The sizes decide, not what the header claims.
    if (static_cast<std::uint64_t>(status.st_size) != counters_file_bytes(header.capacity)) return 0;
    return std::min(header.used, header.capacity);
}

bool is_counter(const CounterRecord& record) noexcept {
    return record.stamp != 0 && record.stamp % 2 == 0 && record.key_length <= kMaxCounterKey &&
           record.label_length <= kMaxCounterLabel;
}

bool same_description(const CounterRecord& a, const CounterRecord& b) noexcept {
    return a.stamp == b.stamp && a.type_id == b.type_id && a.key_length == b.key_length &&
           a.label_length == b.label_length && std::memcmp(a.key, b.key, a.key_length) == 0 &&
           std::memcmp(a.label, b.label, a.label_length) == 0;
}

/// read(), not mmap: a file that shrinks meanwhile ends in an error, not in a signal.
void read_file(int fd, const Identity& identity, bool own, CounterHandler handler) {
    const std::uint32_t used = used_records(fd, identity);
    std::vector<CounterRecord> first(used);
    std::vector<CounterRecord> second(used);
    const std::size_t bytes = used * sizeof(CounterRecord);
    // A description that two looks agree on was not being changed during the first: stamps never come back.
    if (!read_exactly(fd, first.data(), bytes, sizeof(CountersHeader)) ||
        !read_exactly(fd, second.data(), bytes, sizeof(CountersHeader))) {
        return;
    }
    for (std::uint32_t index = 0; index < used; ++index) {
        const CounterRecord& record = second[index];
        if (!is_counter(record) || !same_description(first[index], record)) continue;
        CounterInfo info;
        info.id = static_cast<std::int32_t>(identity.slot * kCounterCapacity + index);
        info.type_id = record.type_id;
        info.value = record.value;
        info.key = std::span(record.key).first(record.key_length);
        info.label = std::string_view(record.label, record.label_length);
        info.own = own;
        handler(info);
    }
}

std::uint64_t random_session() {
    std::uint64_t value = 0;
    if (::getrandom(&value, sizeof(value), 0) != sizeof(value))
        throw system_error("getrandom", "counters", errno);
    return value | 1U;  // 0 means "none"
}

unsigned lowest_free_slot(const std::vector<Identity>& sorted) {
    unsigned slot = 0;
    for (const Identity& taken : sorted) {
        if (taken.slot == slot) ++slot;
    }
    if (slot >= kCounterFiles) {
        throw Error(
            ErrorCode::MessagingError,
            fmt::format("counters: {} processes have counters already, which is the most there can be",
                        kCounterFiles));
    }
    return slot;
}

}  // namespace

CountersFile::CountersFile(const Directory& directory) : directory_(directory), session_(random_session()) {
    const DirectoryLock lock = directory.lock();
    reap_counters(lock);
    if (::mkdirat(lock.dir_fd(), kDirectoryName, directory.dir_mode()) == 0) {
        // The umask may have taken group bits away.
        (void)::fchmodat(lock.dir_fd(), kDirectoryName, directory.dir_mode(), 0);
    } else if (errno != EEXIST) {
        throw system_error("mkdir", directory.path() + "/" + kDirectoryName, errno);
    }
    const base::UniqueFd counters = open_counters_dir(lock.dir_fd());
    if (!counters) throw system_error("open", directory.path() + "/" + kDirectoryName, errno);
    try {
        make(counters.get(), directory);
    } catch (...) {
        ::unlinkat(counters.get(), name_.c_str(), 0);
        reap_counters(lock);
        throw;
    }
}

void CountersFile::make(int counters_fd, const Directory& directory) {
    const Identity identity{lowest_free_slot(list(counters_fd)), session_};
    name_ = file_name(identity).data();
    file_ =
        base::UniqueFd(::openat(counters_fd, name_.c_str(),
                                O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, directory.file_mode()));
    if (!file_) throw system_error("open", name_, errno);
    if (::fchmod(file_.get(), directory.file_mode()) != 0) throw system_error("fchmod", name_, errno);
    const std::size_t bytes = counters_file_bytes(kCounterCapacity);
    // Reserved now: a sparse file would kill its writer with SIGBUS when the file system fills up later.
    if (const int error = ::posix_fallocate(file_.get(), 0, static_cast<off_t>(bytes)); error != 0) {
        if (error != ENOSPC) throw system_error("fallocate", name_, error);
        throw Error(
            ErrorCode::NoSpace,
            fmt::format("counters: {} bytes do not fit into the file system of {}", bytes, directory.path()));
    }
    mapping_ = Mapping::map(file_.get(), bytes, PROT_READ | PROT_WRITE);
    if (!mapping_) throw system_error("mmap", name_, errno);
    if (!try_lock_bytes(file_.get(), kLivenessLock, 1)) throw system_error("lock", name_, errno);
    CountersHeader fresh{};
    fresh.magic = kCountersMagic;
    fresh.version = kCountersVersion;
    fresh.capacity = kCounterCapacity;
    fresh.session = session_;
    fresh.pid = static_cast<std::uint64_t>(::getpid());
    std::memcpy(mapping_.data(), &fresh, sizeof(fresh));
}

CountersFile::~CountersFile() {
    const auto lock = directory_.lock_existing();
    if (!lock) return;  // the directory is gone, or somebody is stopped with its lock: others reap this file
    if (const base::UniqueFd counters = open_counters_dir(lock->dir_fd()))
        ::unlinkat(counters.get(), name_.c_str(), 0);
    reap_counters(*lock);
}

CountersHeader& CountersFile::header() noexcept {
    return *reinterpret_cast<CountersHeader*>(static_cast<void*>(mapping_.data()));
}

CounterRecord& CountersFile::record(std::uint32_t index) noexcept {
    return *reinterpret_cast<CounterRecord*>(
        static_cast<void*>(mapping_.data() + sizeof(CountersHeader) + index * sizeof(CounterRecord)));
}

std::uint32_t CountersFile::allocate(std::int32_t type_id, std::span<const std::byte> key,
                                     std::string_view label) {
    if (key.size() > kMaxCounterKey) {
        throw Error(ErrorCode::InvalidArgument,
                    fmt::format("counters: a key of {} bytes; {} are the most", key.size(), kMaxCounterKey));
    }
    const std::lock_guard guard(mutex_);
    std::uint32_t index = 0;
    while (index < kCounterCapacity && is_counter(record(index))) ++index;
    if (index == kCounterCapacity) {
        throw Error(ErrorCode::MessagingError,
                    fmt::format("counters: this process has {} already, which is the most there can be",
                                kCounterCapacity));
    }
    CounterRecord& free = record(index);
    const std::uint64_t changing = free.stamp | 1U;
    base::store_relaxed(free.stamp, changing);
    base::fence_release();  // pairs with the two looks of read_file()
    CounterRecord fresh{};
    fresh.type_id = type_id;
    fresh.key_length = static_cast<std::uint32_t>(key.size());
    fresh.label_length = static_cast<std::uint32_t>(std::min(label.size(), kMaxCounterLabel));
    if (!key.empty()) std::memcpy(fresh.key, key.data(), key.size());
    if (!label.empty()) std::memcpy(fresh.label, label.data(), fresh.label_length);
    base::racy_copy_to_shared(&free.value, &fresh.value, sizeof(fresh) - offsetof(CounterRecord, value));
    base::store_release(free.stamp, changing + 1);
    if (index >= header().used) base::store_release(header().used, index + 1);
    return index;
}

void CountersFile::release(std::uint32_t index) noexcept {
    const std::lock_guard guard(mutex_);
    base::store_release(record(index).stamp, record(index).stamp + 1);
}

void read_counters(const Directory& directory, std::uint64_t own_session, CounterHandler handler) {
    const base::UniqueFd dir = directory.open_existing();
    if (!dir) return;
    visit_files(open_counters_dir(dir.get()), [&](const Identity& identity, int fd) {
        if (is_alive(fd)) read_file(fd, identity, identity.session == own_session, handler);
    });
}

bool any_dead_counters(const Directory& directory) noexcept {
    bool found = false;
    try {
        const base::UniqueFd dir = directory.open_existing();
        if (!dir) return false;
        visit_files(open_counters_dir(dir.get()),
                    [&found](const Identity&, int fd) { found = found || !is_alive(fd); });
    } catch (...) {  // somebody made the directory inaccessible: nothing to clean there
    }
    return found;
}

int reap_counters(const DirectoryLock& lock) noexcept {
    const base::UniqueFd counters = open_counters_dir(lock.dir_fd());
    if (!counters) return 0;
    int removed = 0;
    try {
        // Nobody is making a file now: that happens under the lock we hold.
        visit_files(open_counters_dir(lock.dir_fd()), [&](const Identity& identity, int fd) {
            if (!is_alive(fd) && ::unlinkat(counters.get(), file_name(identity).data(), 0) == 0) ++removed;
        });
    } catch (...) {  // out of memory: the next one tries again
    }
    ::unlinkat(lock.dir_fd(), kDirectoryName, AT_REMOVEDIR);  // fails while a file is left
    return removed;
}

}  // namespace tensorpool::messaging::embedded
