import { Select } from "antd";
import { useTranslation } from "react-i18next";

import { ROLES } from "@/generated/permissions";
import type { Role } from "@/shared/api/types";
import { withinDialog } from "./Dialog";

interface RoleSelectProps {
  label: string;
  value: Role;
  /** All, where it is left out. */
  roles?: readonly Role[];
  onChange: (role: Role) => void;
}

export function RoleSelect({ label, value, roles = ROLES, onChange }: RoleSelectProps) {
  const { t } = useTranslation();
  return (
    <Select<Role>
      className="role-select"
      value={value}
      aria-label={label}
      // A reader is told of all of them, not only of those in view.
      virtual={false}
      getPopupContainer={withinDialog}
      popupMatchSelectWidth={false}
      options={roles.map((role) => ({ value: role, label: t(`role.${role}`) }))}
      onChange={onChange}
    />
  );
}
