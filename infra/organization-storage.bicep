// One organization's storage account: everything it has is here, and nothing of anybody else's.
// Its lock keeps it when the organization is taken out of the parameters or the resource group is
// deleted; docs/operations.md says how to delete it on purpose.
param organization string
param name string
param location string
param tags object
param redundancy string

@description('Where the pages are from which sellers upload files.')
param pageAddresses array

@description('Days that a file is kept for a message that has not taken it along.')
param fileDays int

// What the code calls them: shared/storage/names.py.
var tableNames = [
  'messages'
  'feeds'
  'schedule'
  'ingest'
  'records'
  'lookups'
  'settings'
  'keys'
  'aggregates'
  'sellers'
  'subscriptions'
  'cards'
]
var containerNames = [
  'content'
]

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: name
  location: location
  tags: union(tags, { organization: organization })
  kind: 'StorageV2'
  sku: {
    name: redundancy
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    // A file goes from the browser straight to the address that `uploads` signed for it.
    cors: {
      corsRules: [
        {
          allowedOrigins: pageAddresses
          allowedMethods: [
            'PUT'
          ]
          allowedHeaders: [
            'content-type'
            'x-ms-blob-type'
            'x-ms-blob-content-type'
            'x-ms-version'
          ]
          exposedHeaders: []
          maxAgeInSeconds: 3600
        }
      ]
    }
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = [for container in containerNames: {
  parent: blobService
  name: container
  properties: {
    publicAccess: 'None'
  }
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01' = [for table in tableNames: {
  parent: tableService
  name: table
}]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          enabled: true
          name: 'uploads'
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'content/uploads/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterCreationGreaterThan: 8
                }
              }
            }
          }
        }
        {
          enabled: true
          name: 'files'
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'content/files/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterCreationGreaterThan: fileDays
                }
              }
            }
          }
        }
      ]
    }
  }
  // The policy is refused while the blob service is still being set up.
  dependsOn: [
    blobService
  ]
}

resource kept 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: account
  name: 'kept-until-told'
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds everything of one organization. Delete this lock first to delete the account.'
  }
}

output name string = account.name
