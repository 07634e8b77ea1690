// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/embedded/registry.hpp"

#include "messaging/embedded/file_lock.hpp"
#include "messaging/embedded/system_error.hpp"
#include "messaging/embedded/waiter.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <atomic>
#include <cstring>

namespace tensorpool::messaging::embedded {
namespace {

constexpr const char* kRegistryName = "registry";
// Locks may lie beyond the end of a file: these offsets are names, not places.
constexpr off_t kSubscriberLocks = off_t{1} << 20;
constexpr off_t kPublicationLocks = kSubscriberLocks + kSlots;
constexpr off_t kAllLocks = 2 * off_t{kSlots};

void set_bit(std::uint64_t (&words)[kSlotWords], unsigned slot) noexcept {
    std::atomic_ref(words[slot / 64]).fetch_or(std::uint64_t{1} << (slot % 64), std::memory_order_seq_cst);
}

void clear_bit(std::uint64_t (&words)[kSlotWords], unsigned slot) noexcept {
    std::atomic_ref(words[slot / 64])
        .fetch_and(~(std::uint64_t{1} << (slot % 64)), std::memory_order_seq_cst);
}

std::int64_t random_session() {
    std::uint64_t value = 0;
    if (::getrandom(&value, sizeof(value), 0) != sizeof(value))
        throw system_error("getrandom", "session", errno);
    return static_cast<std::int64_t>(value >> 1);
}

}  // namespace

/// Brackets a change of `publications`, so that a death in the middle is seen and made good.
class StreamRegistry::Change {
public:
    explicit Change(RegistryImage& image) noexcept : image_(image) {
        base::store_release(image_.changing, 1);
    }
    ~Change() {
        // Pairs with StreamRegistry::generation.
        std::atomic_ref(image_.generation).fetch_add(1, std::memory_order_seq_cst);
        wake_all(image_.wake);
        base::store_release(image_.changing, 0);
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

private:
    RegistryImage& image_;
};

StreamRegistry::StreamRegistry(const Directory& directory, const DirectoryLock& lock, std::int32_t stream_id)
    : stream_id_(stream_id), name_(fmt::format("stream-{}", stream_id)), file_mode_(directory.file_mode()) {
    const std::string path = directory.path() + "/" + name_;
    if (::mkdirat(lock.dir_fd(), name_.c_str(), directory.dir_mode()) == 0) {
        (void)::fchmodat(lock.dir_fd(), name_.c_str(), directory.dir_mode(), 0);
    } else if (errno != EEXIST) {
        throw system_error("mkdir", path, errno);
    }
    dir_ = base::UniqueFd(
        ::openat(lock.dir_fd(), name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!dir_) throw system_error("open", path, errno);
    open_file(directory);
    sweep();
}

void StreamRegistry::open_file(const Directory& directory) {
    const std::string path = directory.path() + "/" + name_ + "/" + kRegistryName;
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    for (int attempt = 0; attempt < 2; ++attempt) {
        locks_ = base::UniqueFd(::openat(dir_.get(), kRegistryName, flags | O_CREAT, file_mode_));
        probe_ = base::UniqueFd(::openat(dir_.get(), kRegistryName, flags));
        if (!locks_ || !probe_) throw system_error("open", path, errno);
        struct stat status {};
        if (::fstat(locks_.get(), &status) != 0) throw system_error("stat", path, errno);
        if (!S_ISREG(status.st_mode)) {
            throw Error(ErrorCode::AccessDenied,
                        fmt::format("messaging: {} is not a regular file; remove it", path));
        }
        const bool fresh = status.st_size == 0;
        if (fresh) {
            (void)::fchmod(locks_.get(), file_mode_);
            if (const int error = ::posix_fallocate(locks_.get(), 0, kRegistryBytes); error != 0) {
                ::unlinkat(dir_.get(), kRegistryName, 0);
                throw system_error("fallocate", path, error);
            }
        }
        if (fresh || status.st_size == kRegistryBytes) {
            mapping_ = Mapping::map(locks_.get(), kRegistryBytes, PROT_READ | PROT_WRITE, MAP_POPULATE);
            if (!mapping_) throw system_error("mmap", path, errno);
        }
        if (fresh) {
            RegistryImage first{};
            first.magic = kRegistryMagic;
            first.version = kRegistryVersion;
            first.stream_id = stream_id_;
            std::memcpy(mapping_.data(), &first, offsetof(RegistryImage, changing));
        }
        if (mapping_ && valid_image()) return;
        // Somebody died while making it, or it belongs to another version of this library.
        if (locked_by_other(probe_.get(), kSubscriberLocks, kAllLocks)) break;
        ::unlinkat(dir_.get(), kRegistryName, 0);
        mapping_ = Mapping();
    }
    throw Error(
        ErrorCode::ProtocolError,
        fmt::format("messaging: {} was made by another version of this library, or is damaged, and is in "
                    "use; stop the programs that use it",
                    path));
}

bool StreamRegistry::valid_image() const noexcept {
    return image().magic == kRegistryMagic && image().version == kRegistryVersion &&
           image().stream_id == stream_id_;
}

unsigned StreamRegistry::claim(const std::uint64_t (&words)[kSlotWords], off_t lock_base, const char* kind) {
    for (unsigned slot = 0; slot < kSlots; ++slot) {
        if (!bit(words, slot) && try_lock_bytes(locks_.get(), lock_base + slot, 1)) return slot;
    }
    throw Error(ErrorCode::MessagingError,
                fmt::format("messaging: stream {} has {} {} already, which is the most there can be",
                            stream_id_, kSlots, kind));
}

unsigned StreamRegistry::claim_subscriber() {
    return claim(image().subscribers, kSubscriberLocks, "subscriptions");
}

LogIdentity StreamRegistry::claim_publication() {
    const std::int64_t session = random_session();
    return {stream_id_, claim(image().publications, kPublicationLocks, "publications"), session};
}

void StreamRegistry::show_subscriber(unsigned slot) noexcept {
    set_bit(image().subscribers, slot);
}

void StreamRegistry::show_publication(const LogIdentity& identity) noexcept {
    const Change change(image());
    base::store_relaxed(image().sessions[identity.slot], identity.session_id);
    set_bit(image().publications, identity.slot);  // pairs with bit(): whoever sees it sees the session
}

void StreamRegistry::release_subscriber(unsigned slot) noexcept {
    clear_bit(image().subscribers, slot);
    unlock_bytes(locks_.get(), kSubscriberLocks + slot, 1);
}

void StreamRegistry::release_publication(const LogIdentity& identity) noexcept {
    if (lists(identity)) {
        const Change change(image());
        clear_bit(image().publications, identity.slot);
    }
    ::unlinkat(dir_.get(), log_name(identity).data(), 0);
    unlock_bytes(locks_.get(), kPublicationLocks + identity.slot, 1);
}

bool StreamRegistry::lists(const LogIdentity& identity) const noexcept {
    return bit(image().publications, identity.slot) &&
           base::load_relaxed(image().sessions[identity.slot]) == identity.session_id;
}

bool StreamRegistry::needs_sweep() const noexcept {
    if (base::load_relaxed(image().changing) != 0) return true;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
        const off_t at = static_cast<off_t>(slot);
        if (bit(image().subscribers, slot) && !locked_by_other(probe_.get(), kSubscriberLocks + at, 1))
            return true;
        if (bit(image().publications, slot) && !locked_by_other(probe_.get(), kPublicationLocks + at, 1)) {
            return true;
        }
    }
    return false;
}

int StreamRegistry::sweep() noexcept {
    int reaped = 0;
    std::uint64_t dead[kSlotWords] = {};
    bool changed = base::load_relaxed(image().changing) != 0;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
        const off_t at = static_cast<off_t>(slot);
        if (bit(image().subscribers, slot) && !locked_by_other(probe_.get(), kSubscriberLocks + at, 1)) {
            clear_bit(image().subscribers, slot);
            ++reaped;
        }
        if (bit(image().publications, slot) && !locked_by_other(probe_.get(), kPublicationLocks + at, 1)) {
            dead[slot / 64] |= std::uint64_t{1} << (slot % 64);
            changed = true;
            ++reaped;
        }
    }
    if (changed) {
        const Change change(image());
        for (unsigned slot = 0; slot < kSlots; ++slot) {
            if ((dead[slot / 64] >> (slot % 64) & 1U) != 0) clear_bit(image().publications, slot);
        }
    }
    return reaped + remove_stale_logs();
}

int StreamRegistry::remove_stale_logs() noexcept {
    const int fd = ::openat(dir_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* entries = fd < 0 ? nullptr : ::fdopendir(fd);
    if (entries == nullptr) {
        if (fd >= 0) ::close(fd);
        return 0;
    }
    int removed = 0;
    // Nobody is making a log now: that happens under the directory's lock, which we hold.
    while (const dirent* entry = ::readdir(entries)) {
        auto identity = parse_log_name(entry->d_name);
        if (!identity) continue;
        const bool listed = identity->slot < kSlots && lists(*identity);
        if (!listed && ::unlinkat(dir_.get(), entry->d_name, 0) == 0) ++removed;
    }
    ::closedir(entries);
    return removed;
}

void StreamRegistry::remove_if_unused(const DirectoryLock& lock) noexcept {
    if (locked_by_other(probe_.get(), kSubscriberLocks, kAllLocks)) return;
    if (!still_named(lock.dir_fd(), name_.c_str(), dir_.get())) return;
    sweep();  // whoever died since the last look is still listed, and so is its log
    ::unlinkat(dir_.get(), kRegistryName, 0);
    ::unlinkat(lock.dir_fd(), name_.c_str(), AT_REMOVEDIR);
}

bool StreamRegistry::removed_by_others() const noexcept {
    struct stat status {};
    return ::fstat(locks_.get(), &status) == 0 && status.st_nlink == 0;
}

}  // namespace tensorpool::messaging::embedded
